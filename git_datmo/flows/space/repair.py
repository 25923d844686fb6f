"""Get lost objects back: from the files of the working tree, then from remotes."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from contextlib import suppress

from git_datmo.errors import DatmoError
from git_datmo.flows.space.losses import Losses, Need
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Oid
from git_datmo.progress import QUIET, Progress
from git_datmo.store.capture import Capturer
from git_datmo.store.layout import Kind, Node
from git_datmo.store.store import StoreWriter


class _Chosen(StoreWriter):
    """A writer that stores only objects that are wanted."""

    wanted: Collection[Oid] = frozenset()

    def knows(self, oid: Oid) -> bool:
        return oid not in self.wanted or super().knows(oid)


def get_back(ws: Workspace, needs: Iterable[Need], damaged: frozenset[Oid], progress: Progress = QUIET) -> int:
    """Get lost objects of payloads back, and return how many came; `damaged` are those that damaged files named."""
    wanted = list(needs)
    count = 0
    for step in (_from_working_tree, _from_remotes):
        while lacking := _lost(ws, wanted, damaged):
            step(ws, wanted, lacking, progress)
            ws.store.objects.refresh()
            came = sum(oid in ws.store for oid in lacking)
            count += came
            # A tree that came back names others.
            if not came:
                break
    return count


def _lost(ws: Workspace, needs: Iterable[Need], damaged: frozenset[Oid]) -> dict[Oid, bool]:
    """Return what damaged files named, and what no remote is known to have; each with whether it is a tree."""
    losses = Losses(ws.store.objects, frozenset())
    return {
        oid: is_tree
        for need in needs
        for oid, is_tree in losses.lacking(need.node).items()
        if oid in damaged or not need.shared
    }


def _from_working_tree(ws: Workspace, needs: list[Need], lost: dict[Oid, bool], progress: Progress) -> None:
    """Store anew what the files of payloads still hold."""
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


def _from_remotes(ws: Workspace, _needs: list[Need], lost: dict[Oid, bool], progress: Progress) -> None:
    """Fetch just these objects, trees first, from the first remotes that have them."""
    from git_datmo.flows.sharing.obtain import obtain, obtain_trees

    trees = [oid for oid, is_tree in lost.items() if is_tree]
    # A remote that lacks one of them gives none, so they are asked for one by one then.
    for together in ([trees], [[oid] for oid in trees]) if trees else ():
        for oids in together:
            lacking = [oid for oid in oids if oid not in ws.store]
            # What cannot be had stays lost, and is reported.
            with suppress(DatmoError):
                obtain_trees(ws, lacking, progress=progress) if lacking else None
    blobs = [Node(Kind.FILE, oid) for oid, is_tree in lost.items() if not is_tree]
    with suppress(DatmoError):
        obtain(ws, blobs, progress=progress)
