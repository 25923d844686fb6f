"""Make versions of data, and measure repositories, for tests that free space."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.support.commands import STORE, datmo, experiments
from tests.support.remote_check import missing_on
from tests.support.shell import Shell

MIB = 1 << 20


def noise(seed: int, size: int = 2 * MIB) -> bytes:
    return Random(seed).randbytes(size)


def told(shell: Shell, *words: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(datmo(shell, *words, "--json").stdout)
    return document


def weigh(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def store_of(shell: Shell) -> Path:
    return shell.cwd / ".git" / "datmo" / "store.git"


def check_store(shell: Shell) -> None:
    done = shell.run("git", *STORE, "fsck", "--strict", "--no-dangling", "--no-progress")
    assert not [
        line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("notice: ")
    ], str(done)


def versions(shell: Shell, count: int = 2, first: int = 1) -> list[str]:
    """Make a snapshot for each version of a file of 2 MiB; the versions have no chunk in common."""
    made = []
    for number in range(first, first + count):
        shell.write("data/large", noise(number))
        datmo(shell, "add-data", "data")
        shell.commit("code.py", f"# {number}\n", f"version {number}")
        made.append(experiments(shell)[0]["id"])
    return made


filtering = pytest.mark.parametrize("filters", ["false", "true"])


def keep_refs(hub: Shell) -> list[str]:
    return hub.git("for-each-ref", "--format=%(refname)", "refs/datmo/keep/").split()


def check_hub(hub: Shell, size: int, versions: int) -> None:
    """Check the host after its own collection: it is sound, and has as many versions of `size`
    bytes."""
    hub.git("gc", "-q", "--prune=now")
    fsck = hub.run("git", "fsck", "--strict", "--full", "--no-dangling", "--no-progress")
    assert [
        line for line in (fsck.stdout + fsck.stderr).splitlines() if not line.startswith("notice: ")
    ] == []
    assert versions * size <= weigh(hub.cwd) < versions * size + MIB
    assert not missing_on(hub)
