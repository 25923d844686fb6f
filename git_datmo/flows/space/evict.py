"""Frees the store of content that the remote surely has; a checkout fetches it again.

Folders' and files' trees stay: they are small, and what compares, shares and fetches works with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.flows.sharing.contact import ask
from git_datmo.flows.sharing.keep import Kept, keep_id, kept_objects
from git_datmo.flows.sharing.places import destination, holds
from git_datmo.flows.space.needs import keepers, read_catalog_of_all, unclear, working_trees
from git_datmo.flows.space.release import read_kept
from git_datmo.flows.workspace import Workspace
from git_datmo.git.remote import find_remote
from git_datmo.model import Oid
from git_datmo.places.packs import PackPlace
from git_datmo.progress import QUIET, Progress
from git_datmo.records.types import Record
from git_datmo.redact import hide_passwords
from git_datmo.store import compact
from git_datmo.store.reach import PLAIN, Marks, all_but, reach


@dataclass(frozen=True, slots=True)
class Evicted:
    """What was freed, or would be, of what `remote` has."""

    remote: str
    objects: int
    size: int


def evict(ws: Workspace, paths: Sequence[str] | None, *, dry_run: bool = False, progress: Progress = QUIET) -> Evicted:
    """Free the content of the payloads at `paths`, in all their versions; None is all that records name."""
    if not dry_run:
        ws.hold_store()
    living = [keeper for _, keeper in keepers(ws, read_catalog_of_all(ws))]
    _check_paths(living, paths)
    remote, there, elsewhere = _divide(ws, living)
    objects = ws.store.objects
    progress.begin("Looking for what the remote has")
    gone = reach(objects, (k.content.object for k in _of(there) if _is_chosen(k, paths)), Marks(objects))
    kept = reach(objects, (k.content.object for k in _of(elsewhere)), Marks(objects))
    reach(objects, (k.content.object for k in _of(there) if not _is_chosen(k, paths)), kept)
    reach(objects, _needed_beside(ws, there), kept)
    if not dry_run:
        # The trees that stay name what goes: git takes a missing object for promised if one of such a pack names it.
        compact.promise(pack for pack, marks in gone.packs.items() if PLAIN in marks)
    planned = compact.plan(objects, all_but(objects, gone, kept), worth=0)
    progress.finish()
    if not dry_run and planned.freed:
        progress.begin("Writing what stays")
        compact.carry_out(ws.store, planned, progress=progress)
        progress.finish()
    return Evicted(remote, planned.freed, planned.size)


def _divide(ws: Workspace, living: Sequence[Record]) -> tuple[str, list[Record], list[Record]]:
    """The remote's name, or its store's; the records whose keep commits its keep refs lead to, and the others.

    A remote takes a ref only with all that it needs, so what it has of the first it has whole. A store of packs is
    asked for its indexes.
    """
    remote = destination(ws, find_remote(ws.repo.config, ws.repo.default_remote() or ""))
    if isinstance(remote, PackPlace):
        remote.refresh()
        return remote.url, [k for k in living if holds(remote, k)], [k for k in living if not holds(remote, k)]
    keeps = [keep_id(keeper, ws.store.format) for keeper in living]
    chains = read_kept(ws, remote, ask(ws, remote)).values()
    there = frozenset[Oid]().union(*(chain.keeps for chain in chains))
    divided: tuple[list[Record], list[Record]] = ([], [])
    for keep, keeper in zip(keeps, living, strict=True):
        divided[keep not in there].append(keeper)
    return hide_passwords(remote.address), *divided


def _of(living: Sequence[Record]) -> Iterator[Kept]:
    return (kept for keeper in living for kept in kept_objects(keeper))


def _is_chosen(kept: Kept, paths: Sequence[str] | None) -> bool:
    return paths is None or any(not path or (kept.path + "/").startswith(path + "/") for path in paths)


def _check_paths(living: Sequence[Record], paths: Sequence[str] | None) -> None:
    for path in paths or ():
        if not any(_is_chosen(kept, [path]) for kept in _of(living)):
            raise DatmoError(f"no snapshot has a payload at '{path}'", "'git datmo du' lists the payloads")


def _needed_beside(ws: Workspace, there: Sequence[Record]) -> Iterator[Oid]:
    """What working trees track that no record on the remote has, and what is unclear."""
    shared = {kept.content.object for kept in _of(there)}
    for state in working_trees(ws):
        yield from (t.payload.object for t in state.payloads if t.payload.object not in shared)
    yield from unclear(ws, read_catalog_of_all(ws))
