"""Frees the store of what no record and no working tree needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from git_datmo.flows.sharing.keep import KEPT_REFS, keep_id, kept_objects, read_chain, read_part
from git_datmo.flows.space.beside import Removed, remove_beside
from git_datmo.flows.space.needs import keepers, read_catalog_of_all, unclear, working_trees
from git_datmo.flows.workspace import Workspace
from git_datmo.git.refs import RefChange, change_refs, read_refs
from git_datmo.model import Oid
from git_datmo.progress import QUIET, Progress
from git_datmo.records.types import Keeper
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
    refs = read_refs(ws.store.git)
    stale = _stale(ws, refs, living, marks)
    reach(ws.store.objects, (oid for ref, oid in refs.items() if ref not in {change.ref for change in stale}), marks)
    planned = compact.plan(ws.store.objects, marks)
    progress.finish()
    if not dry_run:
        if stale:
            change_refs(ws.store.git, stale, why="gc")
        progress.begin("Writing what lives")
        compact.carry_out(ws.store, planned, progress=progress)
        progress.finish()
    beside = remove_beside(ws, catalog, living, caches=caches, dry_run=dry_run)
    return Collected(planned.freed, planned.size, beside)


def _needed(ws: Workspace, living: list[Keeper]) -> Iterator[Oid]:
    for keeper in living:
        yield from (kept.content.object for kept in kept_objects(keeper))
        yield keep_id(keeper, ws.store.format)
    for state in working_trees(ws):
        yield from (tracked.payload.object for tracked in state.payloads)


def _stale(ws: Workspace, refs: dict[str, Oid], living: list[Keeper], needed: Marks) -> list[RefChange]:
    """What we remember of a remote's keep ref is given up where it keeps what was dropped: git takes all that a ref
    leads to for present."""
    keeps = {keep_id(keeper, ws.store.format) for keeper in living}
    kept = ((ref, tip) for ref, tip in refs.items() if ref.startswith(KEPT_REFS))
    return [RefChange(ref, tip, None) for ref, tip in kept if _is_stale(ws, tip, keeps, needed)]


def _is_stale(ws: Workspace, tip: Oid, keeps: set[Oid], needed: Marks) -> bool:
    chain = read_chain(ws.store, [tip], keeps)
    in_parts = (blob for part in chain.parts for blob in read_part(ws.store, part) if blob in ws.store)
    return bool(chain.keeps - keeps) or any(blob not in needed for blob in in_parts)
