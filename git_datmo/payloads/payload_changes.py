"""Find the payloads that a working tree tracks, and how their files differ from the stored ones."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.git.command import Git
from git_datmo.git.safe_paths import as_pathspec
from git_datmo.objects.stored_names import TEMPORARY
from git_datmo.payloads.git_tracked import without_owned
from git_datmo.payloads.sparse_checkout import without_taken
from git_datmo.progress import QUIET
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.stat_cache import Differences
from git_datmo.worktree.tracking import Tracked, Tracking

if TYPE_CHECKING:
    from git_datmo.worktree.path_capture import Captured

# Positions of two fields of `Differences`.
_ADDED, _FOLDERS = 2, 3


def current_tracking(ws: Workspace) -> Tracking:
    """Return the state of this working tree; before any command wrote one, the data of HEAD, not
    fetched."""
    if ws.tracking_path.exists():
        return ws.tracking()
    from git_datmo.history.experiments import History
    from git_datmo.payloads.checkout_target import target_of_data

    head = ws.head()
    if head is None:
        return Tracking()
    history = History(ws)
    data = history.data(head)
    if not data.heads:
        return Tracking()
    target = target_of_data(ws, history, data)
    asleep = (Tracked(payload, placed=False) for payload in target.payloads)
    return Tracking().having(asleep).standing_on(target.snapshots, target.payloads)


def find_differences(
    ws: Workspace, tracking: Tracking, *, taken: bool = False
) -> dict[str, Differences]:
    """Return how each placed payload differs from the stat cache, by path.

    Files that git itself tracks are left out.
    """
    placed = {os.fsencode(t.payload.path): t for t in tracking.payloads if t.placed}
    if not placed:
        return {}
    tops = [t.payload.path for t in placed.values()]
    # Both children of git run at the same time.
    with ws.repo.git.fields("ls-files", "-z", *as_pathspec(tops)) as owned:
        found = ws.cache.differences(ws.store_git, tops)
        found = without_owned(ws.root, found, frozenset(owned))
    parts = _by_payload(ws, placed, found)
    root = os.fsencode(ws.root)
    for tracked in placed.values():
        # The stat cache is an index of git, which has no folders: look for the empty ones.
        gone = [
            folder
            for folder in tracked.empty_folders
            if not os.path.isdir(os.path.join(root, folder))
        ]
        parts[tracked.payload.path][_FOLDERS].extend(gone)
    found_in = {
        path: Differences(*(tuple(part) for part in kinds)) for path, kinds in parts.items()
    }
    return found_in if taken else without_taken(ws, found_in)


def _by_payload(
    ws: Workspace, placed: Mapping[bytes, Tracked], found: Differences
) -> dict[str, tuple[list[bytes], ...]]:
    """Divide differences among the payloads that hold them, in the order of `Differences`."""
    parts: dict[str, tuple[list[bytes], ...]] = {
        t.payload.path: ([], [], [], []) for t in placed.values()
    }
    # Only paths that the stat cache does not know can be git's own.
    holders = (holder_of(path, placed) for path in found.added + found.folders)
    gits = files_of_git(
        ws.repo.git, {holder.payload.path for holder in holders if holder is not None}
    )
    for kind, paths in enumerate((found.changed, found.missing, found.added, found.folders)):
        for path in paths:
            holder = holder_of(path, placed)
            # An interrupted checkout leaves temporary files, which belong to no payload.
            if holder is None or _is_leftover(path):
                continue
            if kind == _ADDED and path in gits:
                continue
            if kind == _FOLDERS and _is_known_empty(ws.root, holder, path, gits):
                continue
            parts[holder.payload.path][kind].append(path)
    return parts


def files_of_git(git: Git, folders: Collection[str]) -> frozenset[bytes]:
    """Return git's files below payloads' folders (`out/.gitkeep`), which are no part of the
    payloads."""
    if not folders:
        return frozenset()
    return frozenset(git.run("ls-files", "-z", *as_pathspec(folders)).split(b"\0")[:-1])


def _is_known_empty(root: Path, tracked: Tracked, folder: bytes, gits: Collection[bytes]) -> bool:
    """Return True if an unknown folder has no file, and no empty folder that was not stored."""
    known = tracked.empty_folders
    if tracked.payload.content.files == 0:
        known |= {os.fsencode(tracked.payload.path)}
    stack = [folder]
    while stack:
        path = stack.pop()
        with os.scandir(os.path.join(os.fsencode(root), path)) as listing:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in listing]
        entries = [(name, is_folder) for name, is_folder in found if path + b"/" + name not in gits]
        if found and not entries:
            # The folder exists for git's own files, for example a `.gitkeep`.
            continue
        if not all(is_folder for _, is_folder in entries) or (not entries and path not in known):
            return False
        stack += [path + b"/" + name for name, _ in entries]
    return True


def _is_leftover(path: bytes) -> bool:
    return path.rpartition(b"/")[2].startswith(TEMPORARY)


def holder_of(path: bytes, placed: Mapping[bytes, Tracked]) -> Tracked | None:
    """Return the payload, of those given by path, that `path` is or lies in."""
    while path:
        if path in placed:
            return placed[path]
        path = path.rpartition(b"/")[0]
    return None


def _would_be(ws: Workspace, tracked: Tracked, found: Differences) -> Captured | None:
    """Return the payload as it would be stored now; None if it certainly differs."""
    # A missing or unknown file certainly changes the payload, so nothing has to be read.
    if found.missing or found.added or found.folders:
        return None
    from git_datmo.objects.store import HashOnly
    from git_datmo.worktree.path_capture import Capturer

    # A folder that has only git's own files, for example a `.gitkeep`, counts as empty.
    leave = files_of_git(ws.repo.git, [tracked.payload.path])
    capturer = Capturer(ws.store, ws.root, ws.cache.edit(), QUIET, ws.cache.marks, leave=leave)
    return capturer.changes(
        tracked.payload.path,
        tracked.payload.content,
        tracked.empty_folders,
        found,
        HashOnly(ws.store),
    )


def really_differs(ws: Workspace, tracked: Tracked, found: Differences) -> bool:
    """Return True if a payload whose files look changed differs in content."""
    if not os.path.lexists(ws.root / tracked.payload.path):
        # A folder that was removed whole needs no look at single files.
        return True
    captured = _would_be(ws, tracked, found)
    return captured is None or captured.content != tracked.payload.content
