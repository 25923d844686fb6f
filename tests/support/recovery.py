"""Follow the recovery recipe of docs/FORMAT.md with stock git."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.format_document import section
from tests.support.shell import Shell

ATTRIBUTES = b"* text=auto eol=crlf export-ignore export-subst ident\n"


@pytest.fixture
def stock(tmp_path: Path, sealed: dict[str, str]) -> Shell:
    """Return a shell with git and the system's tools but without git-datmo, under hostile user
    settings."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in (
        "git",
        "sh",
        "find",
        "xargs",
        "sort",
        "cat",
        "mv",
        "rm",
        "rmdir",
        "mkdir",
        "chmod",
        "tar",
    ):
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(os.path.realpath(found))
    config = tmp_path / "stock-config"
    config.write_text(
        f"[core]\n\tautocrlf = true\n\tattributesFile = {tmp_path}/attributes\n[safe]\n\tbareRepository = explicit\n"
    )
    (tmp_path / "attributes").write_bytes(ATTRIBUTES)
    stock = Shell(tmp_path, {**sealed, "PATH": str(tools), "GIT_CONFIG_GLOBAL": str(config)})
    assert "not a git command" in stock.run("git", "datmo", ok=False).stderr
    return stock


def recipe() -> tuple[list[str], str, str]:
    """Return the commands that find a payload, the program that restores it, and the command that
    accepts a pack."""
    fences = re.findall(r"^```(\w+)\n(.*?)^```$", section(14), re.MULTILINE | re.DOTALL)
    find, restore, take = (text for language, text in fences if language in ("console", "sh"))
    return (
        [line.partition("#")[0].strip() for line in find.splitlines()],
        restore,
        take.partition(" <")[0],
    )


def find_snapshot(stock: Shell, url: Path, commit: str) -> dict[str, Any]:
    """Follow the commands of the page to the record of a commit's snapshot."""
    clone, namespaces, of_commit, every, show = recipe()[0]
    stock.run(*clone.replace("URL", str(url)).split())
    (records,) = stock.run(*namespaces.split()).stdout.split()
    found = stock.run(
        *of_commit.replace("COMMIT", commit).replace("RECORDS", records).split()
    ).stdout.split()
    listed = stock.run(*every.replace("RECORDS", records).split()).stdout
    for path in found:
        name = path.rpartition(":")[2]
        assert name in listed
        record = name.removesuffix(".json").replace("/", "")
        document: dict[str, Any] = json.loads(
            stock.run(*show.replace("RECORD", record).split()).stdout
        )
        if document["kind"] == "snapshot":
            return document
    raise AssertionError(f"no snapshot among {found}")
