"""Test that the reference pages name every key of the configuration and every exit code of the
source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo.cli.configuration import EXITS, KEYS
from git_datmo.cli.reference import reference_pages

TOP = Path(__file__).parents[2]
DOCS = TOP / "docs"
# In a contract, the names of git-datmo's own properties begin as its keys do.
SOURCES = sorted(
    path
    for folder in ("git_datmo", "remote_helper")
    for path in (TOP / folder).rglob("*.py")
    if not path.name.startswith("odcs_")
)
DOCUMENTED = {key.name.lower() for key in KEYS if key.name.startswith("datmo.")}
# Settings of a remote that are read by a prefix and a name.
OF_REMOTES = {f"datmo.<remote>.{name}" for name in ("filter", "wantsbyid", "atomic", "namespace")}


def strings(path: Path) -> Iterator[str]:
    """Yield every string of a module; what an f-string computes is '<remote>'."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "<remote>"
                for part in node.values
            )


def keys_of_source() -> set[str]:
    shell = " ".join(
        path.read_text("utf-8") for path in (TOP / "hooks").iterdir() if path.is_file()
    )
    found = set(re.findall(r"datmo\.[a-zA-Z]+", " ".join(re.findall(r"git config[^|)]*", shell))))
    for path in SOURCES:
        # Properties of a contract's file begin with the same word.
        if "contracts" in path.parts:
            continue
        found |= {
            text for text in strings(path) if re.fullmatch(r"datmo\.(<remote>\.)?[a-zA-Z]+", text)
        }
    return {key.lower() for key in found}


def codes_of_source() -> set[int]:
    """Return the numbers that commands return, that errors carry and that `main` exits with."""
    found = set()
    commands = [
        path
        for path in (TOP / "git_datmo" / "cli" / "commands").glob("*.py")
        if path.stem != "hook"
    ]
    for path in [TOP / "git_datmo" / "cli" / "main.py", TOP / "git_datmo" / "errors.py", *commands]:
        text = path.read_text("utf-8")
        found |= {
            int(code)
            for code in re.findall(r"\bexit_code = (\d+)|NOT_RECORDED = (\d+)", text)
            for code in code
            if code
        }
        found |= {
            int(code) for code in re.findall(r"^ +return (?:.* else )?(\d+)$", text, re.MULTILINE)
        }
        found |= {
            int(code) for code in re.findall(r"^ +return (\d+) if .* else \d+$", text, re.MULTILINE)
        }
    return found | {128 + 15}


def test_keys_that_the_source_reads_are_documented() -> None:
    read = keys_of_source()
    assert {"datmo.engine", "datmo.hookspath", "datmo.<remote>.slice"} <= read
    assert read <= DOCUMENTED


def test_documented_keys_are_read_by_the_source() -> None:
    assert keys_of_source() | OF_REMOTES >= DOCUMENTED


def test_exit_codes_of_the_source_are_documented() -> None:
    assert {int(code) for code, _ in EXITS} == codes_of_source()


@pytest.mark.parametrize("name", sorted(reference_pages(DOCS)))
def test_reference_page_is_what_the_parsers_and_schemas_make(name: str) -> None:
    written = (DOCS / "reference" / name).read_text("utf-8")
    assert written == reference_pages(DOCS)[name], "run 'python -m git_datmo.cli.pages'"
