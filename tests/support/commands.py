"""Run git-datmo in a clone, and show its output and the contents of folders."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.support.fork_client import Forges, starts_as_ours
from tests.support.shell import Done, Shell, expect

Picture = dict[bytes, tuple[str, bytes]]


def picture(folder: Path) -> Picture:
    """Return everything below `folder` except `.git`: folders, links, and files with bytes and
    executable bit."""
    return dict(_look(os.fsencode(folder), b""))


def _look(top: bytes, path: bytes) -> Iterator[tuple[bytes, tuple[str, bytes]]]:
    full = os.path.join(top, path) if path else top
    info = os.lstat(full)
    if stat.S_ISLNK(info.st_mode):
        yield path, ("link", os.readlink(full))
    elif stat.S_ISDIR(info.st_mode):
        yield path, ("folder", b"")
        for name in sorted(os.listdir(full)):
            if name != b".git":
                yield from _look(top, os.path.join(path, name) if path else name)
    elif stat.S_ISREG(info.st_mode):
        with open(full, "rb") as file:
            yield path, ("executable" if info.st_mode & 0o100 else "file", file.read())
    else:
        yield path, ("special", b"")


FORGES = Forges()


def datmo(
    shell: Shell, *words: str | Path, ok: bool = True, code: int | None = None, stdin: bytes = b""
) -> Done:
    """Run `git datmo WORDS` as a user does.

    Most of a short command's time is its start, which git, hooks and helper do often enough in
    tests. Set DATMO_EVERY_STEP to start each command.
    """
    if os.environ.get("DATMO_EVERY_STEP") or not starts_as_ours(shell.env):
        return shell.run("git", "datmo", *words, ok=ok, code=code, stdin=stdin)
    done = FORGES.run(["git-datmo", *map(str, words)], shell.cwd, shell.env, stdin)
    return expect(
        replace(done, argv=("git", "datmo", *map(str, words))), shell.cwd, ok=ok, code=code
    )


def experiments(shell: Shell, *words: str) -> list[dict[str, Any]]:
    """Return the output of `log --data --json`, newest first."""
    return [
        json.loads(line)
        for line in datmo(shell, "log", "--data", "--json", *words).stdout.splitlines()
    ]


def states(shell: Shell) -> dict[str, str]:
    """Return the state of each payload from `status --json`."""
    document = json.loads(datmo(shell, "status", "--json").stdout)
    return {payload["path"]: payload["state"] for payload in document["payloads"]}


def refusal(done: Done, *words: str) -> str:
    """Return the one `fatal:` line of a failed command. All of `words` are in it or in its one
    hint."""
    lines = done.stderr.splitlines()
    fatal = [line for line in lines if line.startswith("fatal: ")]
    hints = [line for line in lines if line.startswith("hint: ")]
    assert len(fatal) == 1, str(done)
    assert len(hints) <= 1, str(done)
    assert "Traceback" not in done.stderr, str(done)
    assert "BUG" not in done.stderr, str(done)
    for word in words:
        assert word in "\n".join(fatal + hints), str(done)
    return fatal[0]


def refused(shell: Shell, *words: str | Path, code: int = 128, says: tuple[str, ...] = ()) -> str:
    """Run `git datmo WORDS`, and check that it refuses in one line."""
    return refusal(datmo(shell, *words, code=code), *says)


def objects(shell: Shell, *where: str) -> dict[str, tuple[str, int]]:
    """Return the type and size of every object of a repository, by id."""
    listed = shell.git(
        *where, "cat-file", "--batch-all-objects", "--batch-check", "--unordered"
    ).splitlines()
    return {oid: (kind, int(size)) for oid, kind, size in map(str.split, listed)}


def count_stored(shell: Shell, *where: str) -> int:
    """Return how many objects a repository holds, counting duplicates."""
    counted = dict(
        line.split(": ") for line in shell.git(*where, "count-objects", "-v").splitlines()
    )
    return int(counted["count"]) + int(counted["in-pack"])


STORE = ("--git-dir=.git/datmo/store.git",)
