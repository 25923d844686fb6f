"""Find out if HEAD moved back with the files of the working tree or without them.

Git does not record whether a reset was soft or hard, but the code shows it. After a soft reset, the
files are those of the commit that HEAD left. After a hard reset, they are those of the commit that
HEAD moved to.
"""

from __future__ import annotations

import os
from enum import Enum
from itertools import pairwise

from git_datmo.git.command import Git
from git_datmo.payloads.attach_snapshot import is_clean
from git_datmo.repository.workspace import Workspace

# Files of code that are compared, the first ones.
COMPARED = 200
_ABSENT = b"0"


class MovedBack(Enum):
    """The fate of the files when HEAD moved back: they moved too, were kept, or it is unknown."""

    FILES_TOO = "files too"
    HEAD_ALONE = "head alone"
    UNKNOWN = "unknown"


def how_moved_back(ws: Workspace, head_before: str) -> MovedBack:
    """Return what moved HEAD back since it was at `head_before`, when the working tree's state was
    written.

    Commits made since do not count. A checkout never keeps the files of the commit that it leaves.
    """
    move = _last_move(ws.repo.git, head_before)
    if move is None:
        return MovedBack.UNKNOWN
    old, new, said = move
    if said.startswith("checkout: "):
        return MovedBack.FILES_TOO
    if not said.startswith("reset: "):
        return MovedBack.UNKNOWN
    kept, gone = _compare(ws, old, new)
    if kept and not gone:
        return MovedBack.HEAD_ALONE
    if gone and not kept:
        return MovedBack.FILES_TOO
    # Without code that differs, a working tree that was not touched since is taken for one that was
    # reset, too.
    is_untouched = not kept and str(ws.head()) == new and is_clean(ws)
    return MovedBack.FILES_TOO if is_untouched else MovedBack.UNKNOWN


def _last_move(git: Git, head_before: str) -> tuple[str, str, str] | None:
    """Return the last move of HEAD since then that was no commit: from where, to where, and git's
    word for it."""
    listed = git.finish("log", "-g", "--format=%H %gs", "HEAD", "--").stdout.decode(
        "utf-8", "replace"
    )
    entries = [line.partition(" ") for line in listed.splitlines()]
    for (new, _, said), older in pairwise(entries):
        # A move that is older than the state of the working tree was handled when it happened.
        if new == head_before:
            return None
        if not said.startswith("commit") and older[0] != new:
            return older[0], new, said
    return None


def _compare(ws: Workspace, old: str, new: str) -> tuple[int, int]:
    """Return how many files that two commits have differently are as the one has them, and as the
    other."""
    fields = ws.repo.git.finish(
        "diff-tree", "-r", "-z", "--no-renames", old, new, "--"
    ).stdout.split(b"\0")
    changed = [
        (path, head.split()[2], head.split()[3])
        for head, path in zip(fields[::2], fields[1::2], strict=False)
        # A submodule has no blob, and `hash-object` would read the target of a symbolic link.
        if {b"160000", b"120000"}.isdisjoint(head.lstrip(b":").split()[:2])
    ][:COMPARED]
    there = [
        path
        for path, _, _ in changed
        # `--stdin-paths` reads one path a line, so a name with a line end cannot be asked about.
        if (ws.root / os.fsdecode(path)).is_file() and b"\n" not in path
    ]
    asked = b"".join(path + b"\n" for path in there)
    ids = ws.repo.git.run("hash-object", "--stdin-paths", stdin=asked).split() if there else []
    present = dict(zip(there, ids, strict=True))
    kept = sum(_is_same(present.get(path), before) for path, before, _ in changed)
    gone = sum(_is_same(present.get(path), after) for path, _, after in changed)
    return kept, gone


def _is_same(present: bytes | None, recorded: bytes) -> bool:
    # Git writes an id of zeros for a file that one of the commits does not have.
    return present == recorded if present is not None else not recorded.strip(_ABSENT)
