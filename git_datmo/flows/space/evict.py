"""Frees the store of content that the remote surely has; a checkout fetches it again.

Folders' and files' trees stay: they are small, and what compares, shares and fetches works with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.flows.sharing.contact import ask
from git_datmo.flows.sharing.keep import KEPT_REFS, Kept, keep_id, kept_objects
from git_datmo.flows.space.needs import read_catalog_of_all, snapshots, unclear, working_trees
from git_datmo.flows.space.release import read_kept
from git_datmo.flows.workspace import Workspace
from git_datmo.git.refs import RefChange, change_refs, read_refs
from git_datmo.git.remote import beside, find_remote
from git_datmo.model import Oid
from git_datmo.progress import QUIET, Progress
from git_datmo.records.types import Snapshot
from git_datmo.store import compact
from git_datmo.store.reach import Marks, all_but, reach


@dataclass(frozen=True, slots=True)
class Evicted:
    """What was freed, or would be, of what `remote` has."""

    remote: str
    objects: int
    size: int


def evict(ws: Workspace, paths: Sequence[str] | None, *, dry_run: bool = False, progress: Progress = QUIET) -> Evicted:
    """Free the content of the payloads at `paths`, in all their versions; None is all that snapshots name."""
    if not dry_run:
        ws.hold_store()
    living = [snapshot for _, snapshot in snapshots(ws, read_catalog_of_all(ws))]
    _check_paths(living, paths)
    remote, there, elsewhere = _divide(ws, living)
    objects = ws.store.objects
    progress.begin("Looking for what the remote has")
    gone = reach(objects, (k.content.object for k in _of(there) if _is_chosen(k, paths)), Marks(objects))
    kept = reach(objects, (k.content.object for k in _of(elsewhere)), Marks(objects))
    reach(objects, (k.content.object for k in _of(there) if not _is_chosen(k, paths)), kept)
    reach(objects, _needed_beside(ws, there), kept)
    planned = compact.plan(objects, all_but(objects, gone, kept), worth=0)
    progress.finish()
    if not dry_run and planned.freed:
        # Git takes all that a ref leads to for present, and would never fetch it again.
        refs = read_refs(ws.store.git, KEPT_REFS)
        if refs:
            change_refs(ws.store.git, [RefChange(ref, tip, None) for ref, tip in refs.items()], why="evicted")
        progress.begin("Writing what stays")
        compact.carry_out(ws.store, planned, progress=progress)
        progress.finish()
    return Evicted(remote, planned.freed, planned.size)


def _divide(ws: Workspace, living: Sequence[Snapshot]) -> tuple[str, list[Snapshot], list[Snapshot]]:
    """The remote's name; the snapshots whose keep commits its keep refs lead to, and the others.

    A remote takes a ref only with all that it needs, so what it has of the first it has whole.
    """
    remote = find_remote(ws.repo.config, ws.repo.default_remote() or "")
    git = beside(ws.store.git, ws.repo.config, remote)
    offer = ask(ws, remote)
    keeps = [keep_id(snapshot, ws.store.format) for snapshot in living]
    chains = read_kept(ws, git, remote, offer, set(keeps)).values()
    there = frozenset[Oid]().union(*(chain.keeps for chain in chains))
    divided: tuple[list[Snapshot], list[Snapshot]] = ([], [])
    for keep, snapshot in zip(keeps, living, strict=True):
        divided[keep not in there].append(snapshot)
    return remote.address, *divided


def _of(living: Sequence[Snapshot]) -> Iterator[Kept]:
    return (kept for snapshot in living for kept in kept_objects(snapshot))


def _is_chosen(kept: Kept, paths: Sequence[str] | None) -> bool:
    return paths is None or any(not path or (kept.path + "/").startswith(path + "/") for path in paths)


def _check_paths(living: Sequence[Snapshot], paths: Sequence[str] | None) -> None:
    for path in paths or ():
        if not any(_is_chosen(kept, [path]) for kept in _of(living)):
            raise DatmoError(f"no snapshot has a payload at '{path}'", "'git datmo du' lists the payloads")


def _needed_beside(ws: Workspace, there: Sequence[Snapshot]) -> Iterator[Oid]:
    """What working trees track that no snapshot on the remote has, and what is unclear."""
    shared = {kept.content.object for kept in _of(there)}
    for state in working_trees(ws):
        yield from (t.payload.object for t in state.payloads if t.payload.object not in shared)
    yield from unclear(ws, read_catalog_of_all(ws))
