"""Free objects of the store that no record and no working tree needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from git_datmo.git.refs import read_refs
from git_datmo.model import Oid
from git_datmo.objects import compaction
from git_datmo.objects.reachability import NeededObjects, reach
from git_datmo.progress import QUIET, Progress
from git_datmo.records.record_registry import Record
from git_datmo.remotes.keep_commits import keep_entries, read_part_tree
from git_datmo.remotes.keep_links import links_of
from git_datmo.remotes.live_roots import keepers, read_catalog_of_all, unclear, working_trees
from git_datmo.repository.workspace import Workspace
from git_datmo.space.files_outside_store import Removed, remove_beside


@dataclass(frozen=True, slots=True)
class Collected:
    """The objects and bytes that were freed, or would be, in the store and beside it."""

    objects: int
    size: int
    beside: Removed


def gc(
    ws: Workspace, *, caches: bool = False, dry_run: bool = False, progress: Progress = QUIET
) -> Collected:
    """Free unneeded objects; with `caches`, also remove files that can be made again.

    `dry_run` only measures.
    """
    if not dry_run:
        ws.hold_store()
        # The store is held alone, so these files belong to killed commands.
        compaction.sweep(ws.store.objects.folder)
    catalog = read_catalog_of_all(ws)
    living = [keeper for _, keeper in keepers(ws, catalog)]
    progress.begin("Looking for what is needed")
    marks = NeededObjects(ws.store.objects)
    reach(ws.store.objects, _needed(ws, living), marks)
    # Records that cannot be read may need these (FORMAT.md, section 2).
    reach(ws.store.objects, unclear(ws, catalog), marks)
    reach(ws.store.objects, read_refs(ws.store.git).values(), marks)
    reach(ws.store.objects, _parts_under_way(ws, marks), marks)
    planned = compaction.plan(ws.store.objects, marks)
    progress.finish()
    # An image is recognized by its environment's id, which must be read before the store frees it.
    beside = remove_beside(ws, catalog, living, caches=caches, dry_run=dry_run)
    if not dry_run:
        progress.begin("Writing what lives")
        compaction.carry_out(ws.store, planned, progress=progress)
        progress.finish()
    return Collected(planned.freed, planned.size, beside)


def _needed(ws: Workspace, living: list[Record]) -> Iterator[Oid]:
    for keeper in living:
        yield from (kept.content.object for kept in keep_entries(keeper))
    for state in working_trees(ws):
        yield from (tracked.payload.object for tracked in state.payloads)


def _parts_under_way(ws: Workspace, needed: NeededObjects) -> Iterator[Oid]:
    """Yield the trees of parts of an interrupted push, except for parts with unneeded objects."""
    for tree in links_of(ws).parts_under_way().values():
        blobs = read_part_tree(ws.store, tree)
        if blobs and all(blob in needed for blob in blobs):
            yield tree
