"""Make two clones with versions to merge, and show their content."""

from __future__ import annotations

import json

from tests.support.commands import datmo
from tests.support.pair import Pair
from tests.support.shell import Done, Shell

FIRST = {
    "data/a": "a",
    "data/b": "b",
    "data/sub/c": "c",
    "data/gone": "x",
    "data/also": "y",
    "old.bin": "old",
}


def write(shell: Shell, files: dict[str, str | None]) -> None:
    for path, text in files.items():
        if text is None:
            (shell.cwd / path).unlink()
        else:
            shell.write(path, text)


def commit(shell: Shell, code: str, files: dict[str, str | None], *added: str) -> str:
    """Commit changed payloads with a snapshot; return its id."""
    write(shell, files)
    if added:
        datmo(shell, "add-data", *added)
    return shell.commit(code, code)


def start(pair: Pair) -> tuple[Shell, Shell]:
    """Return Alex's and Ignacio's clones, both with the first data."""
    alex = pair.alex
    write(alex, dict(FIRST))
    datmo(alex, "add-data", "data", "old.bin")
    alex.commit("first.py", "")
    alex.git("push", "-q", "origin", "main")
    ignacio = pair.clone()
    datmo(ignacio, "checkout")
    return alex, ignacio


def files(shell: Shell) -> dict[str, str]:
    found = {}
    for path in sorted(shell.cwd.glob("**/*")):
        name = str(path.relative_to(shell.cwd))
        if path.is_file() and not name.startswith(".git/") and not name.endswith(".py"):
            found[name] = path.read_text()
    return found


def pull(shell: Shell) -> Done:
    return shell.run("git", "pull", "-q", "--no-rebase", "--no-edit")


def undecided(shell: Shell) -> list[str]:
    found: list[str] = json.loads(datmo(shell, "status", "--json").stdout)["undecided"]
    return found


MINE: dict[str, str | None] = {
    "data/a": "mine",
    "data/mine": "1",
    "data/gone": None,
    "data/same": "both",
}

THEIRS: dict[str, str | None] = {
    "data/sub/c": "theirs",
    "data/sub/deep/t": "2",
    "data/also": None,
    "data/same": "both",
}

UNITED = {
    "data/a": "mine",
    "data/b": "b",
    "data/mine": "1",
    "data/same": "both",
    "data/sub/c": "theirs",
    "data/sub/deep/t": "2",
}
