"""Compare the code of an experiment with its commit."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping

from git_datmo.errors import DatmoError
from git_datmo.history.experiments import Found
from git_datmo.model import Oid
from git_datmo.objects.tree_nodes import Node, NodeKind, root_node
from git_datmo.report.stored_files import list_files, read_blobs
from git_datmo.repository.workspace import Workspace

# Larger files are named, but not compared line by line.
SIZE_LIMIT = 1 << 20
_BINARY, _LOOKED_AT = b"\0", 8000


def count_changed(ws: Workspace, found: Found) -> int:
    """Return how many files of the experiment's code its commit does not have as they are."""
    return sum(1 for _ in _changed(ws, found))


def patch_from_commit(ws: Workspace, found: Found) -> str:
    """Return the patch from the commit's code to the code that ran."""
    return "".join(_patch(ws, path, old, new) for path, old, new in _changed(ws, found))


def _changed(ws: Workspace, found: Found) -> Iterator[tuple[str, str | None, Node | None]]:
    """Yield the paths that differ, each with the commit's blob and the experiment's file."""
    code = found.snapshot.code
    if code is None:
        return
    committed = _committed(ws, str(found.snapshot.commit))
    stored: Mapping[str, Node] = {
        file.path: file.node
        for file in list_files(ws, code)
        if root_node(code).kind is NodeKind.FOLDER
    }
    for path in sorted(committed.keys() | stored.keys()):
        old, new = committed.get(path), stored.get(path)
        if new is None or old is None or (old != str(new.oid) and not new.chunked):
            yield path, old, new


def _committed(ws: Workspace, commit: str) -> dict[str, str]:
    """Return the blobs of a commit by path; nothing for a commit that is not here."""
    done = ws.repo.git.finish("ls-tree", "-r", "-z", "--full-tree", commit)
    found = {}
    for line in done.stdout.split(b"\0") if done.returncode == 0 else ():
        head, tab, path = line.partition(b"\t")
        words = head.split(b" ")
        if tab and words[1] == b"blob":
            found[os.fsdecode(path)] = words[2].decode()
    return found


def _patch(ws: Workspace, path: str, old: str | None, new: Node | None) -> str:
    """Return the patch of a file."""
    before = b"" if old is None else ws.odb.read(Oid.parse(old), "blob")
    try:
        after = b"" if new is None else b"".join(read_blobs(ws, new))
    except DatmoError:
        return f"diff {path}\nThe content of this file is not here.\n"
    if any(_is_opaque(content) for content in (before, after)):
        return f"diff {path}\nBinary or large files differ.\n"
    one, other = (
        content.decode("utf-8", "replace").splitlines(keepends=True) for content in (before, after)
    )
    names = "/dev/null" if old is None else f"a/{path}", "/dev/null" if new is None else f"b/{path}"
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(one, other, *names)
    )


def _is_opaque(content: bytes) -> bool:
    return len(content) > SIZE_LIMIT or _BINARY in content[:_LOOKED_AT]
