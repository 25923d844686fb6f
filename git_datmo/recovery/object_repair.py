"""Restore lost objects from the files of the working tree, then from remotes."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress

from git_datmo.errors import DatmoError
from git_datmo.model import Oid
from git_datmo.objects.store import StoreWriter
from git_datmo.objects.tree_nodes import Node, NodeKind
from git_datmo.progress import QUIET, Progress
from git_datmo.records.record_registry import Record
from git_datmo.recovery.object_losses import Losses, Need
from git_datmo.remotes.keep_commits import keep_entries
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.path_capture import Capturer

# Restores some of the lost objects, each given with whether it is a tree.
Step = Callable[[Workspace, list[Need], dict[Oid, bool], Progress], None]


class _Chosen(StoreWriter):
    """A writer that stores only wanted objects."""

    wanted: Collection[Oid] = frozenset()

    def knows(self, oid: Oid) -> bool:
        # The writer claims to know all other objects, so it stores none of them.
        return oid not in self.wanted or super().knows(oid)


def get_back(
    ws: Workspace, needs: Iterable[Need], damaged: frozenset[Oid], progress: Progress = QUIET
) -> int:
    """Restore lost objects of payloads and return their number.

    `damaged` are the objects of damaged files.
    """
    wanted = list(needs)
    return sum(
        _repeat(step, ws, wanted, damaged, progress) for step in (_from_working_tree, _from_remotes)
    )


def restore_from_files(
    ws: Workspace, keepers: Mapping[Oid, Record], progress: Progress = QUIET
) -> int:
    """Store missing objects of records that files of the working tree still contain.

    Returns the number of restored objects. Evicted content is in no store once its remote is gone,
    while its files may still be unchanged.
    """
    needs = [
        Need(kept.path, str(oid), kept.node)
        for oid, keeper in keepers.items()
        for kept in keep_entries(keeper)
    ]
    return _repeat(_from_working_tree, ws, needs, frozenset(), progress)


def _repeat(
    step: Step, ws: Workspace, needs: list[Need], damaged: frozenset[Oid], progress: Progress
) -> int:
    """Repeat a step until it restores nothing more: a restored tree names further objects."""
    count = 0
    while absent := _lost(ws, needs, damaged):
        step(ws, needs, absent, progress)
        ws.store.objects.refresh()
        came = sum(oid in ws.store for oid in absent)
        count += came
        if not came:
            break
    return count


def _lost(ws: Workspace, needs: Iterable[Need], damaged: frozenset[Oid]) -> dict[Oid, bool]:
    """Return the lost objects, each with whether it is a tree.

    These are objects of damaged files, and missing ones that no remote is known to have.
    """
    # The damaged files have left the store, so their objects are simply missing.
    losses = Losses(ws.store.objects, frozenset())
    return {
        oid: is_tree
        for need in needs
        for oid, is_tree in losses.missing_below(need.node).items()
        if oid in damaged or not need.shared
    }


def _from_working_tree(
    ws: Workspace, needs: list[Need], lost: dict[Oid, bool], progress: Progress
) -> None:
    """Store objects that files of payloads still contain."""
    paths = dict.fromkeys(need.path for need in needs if os.path.lexists(ws.root / need.path))
    edit = ws.cache.edit()
    writer = _Chosen(ws.store)
    writer.wanted = lost.keys()
    try:
        capturer = Capturer(ws.store, ws.root, edit, progress)
        for path in paths:
            capturer.whole(path, writer)
        writer.finish()
    finally:
        writer.close()
        edit.close()
        progress.finish()


def _from_remotes(
    ws: Workspace, _needs: list[Need], lost: dict[Oid, bool], progress: Progress
) -> None:
    """Fetch only these objects, trees first, from the first remotes that have them."""
    from git_datmo.remotes.fetch_objects import fetch_objects, obtain_trees

    trees = [oid for oid, is_tree in lost.items() if is_tree]
    # A remote that has not all of them sends none, so they are then requested one by one.
    for together in ([trees], [[oid] for oid in trees]) if trees else ():
        for oids in together:
            absent = [oid for oid in oids if oid not in ws.store]
            # Unavailable objects stay lost, and are reported.
            with suppress(DatmoError):
                obtain_trees(ws, absent, progress=progress) if absent else None
    blobs = [Node(NodeKind.FILE, oid) for oid, is_tree in lost.items() if not is_tree]
    with suppress(DatmoError):
        fetch_objects(ws, blobs, progress=progress)
