"""Frees the store of what no record and no working tree needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from git_datmo.flows.sharing.keep import kept_objects, read_part_tree
from git_datmo.flows.space.beside import Removed, remove_beside
from git_datmo.flows.space.needs import keepers, read_catalog_of_all, unclear, working_trees
from git_datmo.flows.workspace import Workspace
from git_datmo.git.refs import read_refs
from git_datmo.model import Oid
from git_datmo.progress import QUIET, Progress
from git_datmo.records.types import Record
from git_datmo.store import compact
from git_datmo.store.reach import Marks, reach


@dataclass(frozen=True, slots=True)
class Collected:
    """What was freed, or would be: objects (or copies of them) and their bytes in the store, and what lay beside it."""

    objects: int
    size: int
    beside: Removed


def gc(ws: Workspace, *, caches: bool = False, dry_run: bool = False, progress: Progress = QUIET) -> Collected:
    """Free what nothing needs, and with `caches` all that can be made anew; `dry_run` only says what that is."""
    if not dry_run:
        ws.hold_store()
        compact.sweep(ws.store.objects.folder)
    catalog = read_catalog_of_all(ws)
    living = [keeper for _, keeper in keepers(ws, catalog)]
    progress.begin("Looking for what is needed")
    marks = Marks(ws.store.objects)
    reach(ws.store.objects, _needed(ws, living), marks)
    reach(ws.store.objects, unclear(ws, catalog), marks)
    reach(ws.store.objects, read_refs(ws.store.git).values(), marks)
    reach(ws.store.objects, _parts_under_way(ws, marks), marks)
    planned = compact.plan(ws.store.objects, marks)
    progress.finish()
    # An image is told by its environment's id, which is to be read from the store while it has that.
    beside = remove_beside(ws, catalog, living, caches=caches, dry_run=dry_run)
    if not dry_run:
        progress.begin("Writing what lives")
        compact.carry_out(ws.store, planned, progress=progress)
        progress.finish()
    return Collected(planned.freed, planned.size, beside)


def _needed(ws: Workspace, living: list[Record]) -> Iterator[Oid]:
    for keeper in living:
        yield from (kept.content.object for kept in kept_objects(keeper))
    for state in working_trees(ws):
        yield from (tracked.payload.object for tracked in state.payloads)


def _parts_under_way(ws: Workspace, needed: Marks) -> Iterator[Oid]:
    """Yield the trees of parts of a share that was cut off, unless a part has what nothing needs any more."""
    for tree in ws.links.parts_under_way().values():
        blobs = read_part_tree(ws.store, tree)
        if blobs and all(blob in needed for blob in blobs):
            yield tree
