"""Files of payloads that git's sparse checkout took away: they are no deletions.

In cone mode git removes a folder that leaves the cone together with the ignored files in it
(git-sparse-checkout).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from shlex import quote

from git_datmo.git.command import Git
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.stat_cache import Differences
from git_datmo.worktree.tracking import Tracking

# Git marks an index entry by this letter whose file a sparse checkout leaves out (git-ls-files,
# -t).
SKIPPED = b"S"


def find_taken(ws: Workspace, missing: Iterable[bytes]) -> dict[bytes, bytes]:
    """Return the missing paths that git took away with a folder outside of the sparse checkout, and
    the folder.

    Git tracks files in a folder of this kind, and leaves all of them out. While the folder exists,
    git removed nothing.
    """
    # Without a sparse checkout, every missing file is a deletion, and git is not asked.
    if not ws.repo.config.flag("core.sparsecheckout"):
        return {}
    known: dict[bytes, bytes | None] = {}
    gone = {path: _topmost_absent(os.fsencode(ws.root), path, known) for path in missing}
    left_out = frozenset(_left_out(ws.repo.git, set(gone.values())))
    return {path: folder for path, folder in gone.items() if folder in left_out}


def _topmost_absent(root: bytes, path: bytes, known: dict[bytes, bytes | None]) -> bytes:
    """Return the first folder on the way to an absent path that is absent too, or else the path."""
    folder = os.path.dirname(path)
    if not folder:
        return path
    if folder not in known:
        exists = os.path.lexists(os.path.join(root, folder))
        # With the cache, a folder with many missing files is looked up once.
        known[folder] = None if exists else _topmost_absent(root, folder, known)
    return known[folder] or path


def _left_out(git: Git, folders: Collection[bytes]) -> Iterator[bytes]:
    """Yield the folders of which git tracks files and has none in the working tree."""
    for folder in folders:
        listed = git.run("ls-files", "-t", "-z", "--", os.fsdecode(folder)).split(b"\0")[:-1]
        # A single file in the working tree means that git keeps the folder: the user deleted the
        # rest.
        if listed and all(entry.startswith(SKIPPED) for entry in listed):
            yield folder


def _absent(root: Path, found: Differences) -> Iterator[bytes]:
    """Yield what is missing of a payload, its empty folders included."""
    yield from found.missing
    yield from (path for path in found.folders if not os.path.lexists(root / os.fsdecode(path)))


def without_taken(ws: Workspace, found: Mapping[str, Differences]) -> dict[str, Differences]:
    """Return the differences of payloads without files that git's sparse checkout took away."""
    if not ws.repo.config.flag("core.sparsecheckout"):
        return dict(found)
    taken = find_taken(ws, chain.from_iterable(_absent(ws.root, each) for each in found.values()))
    return {
        top: replace(
            each,
            missing=tuple(path for path in each.missing if path not in taken),
            folders=tuple(path for path in each.folders if path not in taken),
        )
        for top, each in found.items()
    }


def taken_folders(ws: Workspace, found: Iterable[Differences]) -> list[str]:
    """Return the folders that git's sparse checkout took away, of payloads with these
    differences."""
    taken = find_taken(ws, chain.from_iterable(_absent(ws.root, each) for each in found))
    return sorted(map(os.fsdecode, set(taken.values())))


def count_taken(
    ws: Workspace, tracking: Tracking, found: Mapping[str, Differences]
) -> dict[str, int]:
    """Return how many files of each payload git's sparse checkout took away; `found` has all
    differences."""
    counts = {}
    for tracked in tracking.payloads:
        path = tracked.payload.path
        # A payload that is gone as a whole has no list of missing files.
        if tracked.placed and not os.path.lexists(ws.root / path):
            count = tracked.payload.content.files if find_taken(ws, [os.fsencode(path)]) else 0
        else:
            count = len(find_taken(ws, found[path].missing)) if path in found else 0
        if count:
            counts[path] = count
    return counts


def taken_warnings(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield a line for each payload of which git's sparse checkout took files away."""
    for path, count in counts.items():
        files, them = ("1 file", "it") if count == 1 else (f"{count} files", "them")
        yield (
            f"git's sparse checkout took {files} of '{path}' away; snapshots keep {them},"
            f" and 'git datmo checkout -- {quote(path)}' brings {them} back"
        )


def is_taken(ws: Workspace, paths: Iterable[str]) -> frozenset[str]:
    """Return those of some missing payloads that git's sparse checkout took away whole."""
    return frozenset(map(os.fsdecode, find_taken(ws, [os.fsencode(path) for path in paths])))
