"""Name the files of payloads that differ from what is stored."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.objects.stored_folders import find_path
from git_datmo.objects.tree_nodes import root_node
from git_datmo.progress import QUIET
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.stat_cache import Differences
from git_datmo.worktree.tracking import Tracked

MODIFIED, DELETED, NEW = "modified", "deleted", "new"


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that is `modified`, `deleted` or `new`; a new folder ends with a slash."""

    path: str
    change: str


def name_changes(ws: Workspace, tracked: Tracked, found: Differences) -> tuple[FileChange, ...]:
    """Return the files of a payload that differ, sorted by path.

    A file whose times alone changed is left out: its content is hashed.
    """
    changes = [
        *((path, MODIFIED) for path in _really_changed(ws, tracked, found)),
        *((path, DELETED) for path in found.missing),
        *((path, NEW) for path in found.added),
        *((path + b"/", NEW) for path in found.folders),
    ]
    return tuple(FileChange(os.fsdecode(path), change) for path, change in sorted(changes))


def _really_changed(ws: Workspace, tracked: Tracked, found: Differences) -> Iterator[bytes]:
    """Yield the files whose content, kind or mode is not the stored one."""
    from git_datmo.objects.store import HashOnly
    from git_datmo.worktree.path_capture import Capturer

    if not found.changed:
        return
    capturer = Capturer(ws.store, ws.root, ws.cache.edit(), QUIET)
    root = root_node(tracked.payload.content)
    above = len(os.fsencode(tracked.payload.path))
    for path in found.changed:
        steps = [step for step in path[above:].split(b"/") if step]
        try:
            stored = find_path(root, steps, ws.store.read_tree)
            # The file is hashed and not stored: a command that only reports must not make the store
            # grow.
            now = capturer.whole(os.fsdecode(path), HashOnly(ws.store)).content
        except DatmoError:
            # Its tree is missing, or the file cannot be read: it looks changed.
            yield path
            continue
        if stored != root_node(now):
            yield path
