"""Free local content that the remote certainly has; a checkout fetches it again.

Trees stay: they are small, and every comparison, push and fetch reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from git_datmo.backends.pack_backend import PackBackend
from git_datmo.errors import DatmoError
from git_datmo.git.remote_commands import find_remote
from git_datmo.model import Oid
from git_datmo.objects import compaction
from git_datmo.objects.reachability import PLAIN, NeededObjects, all_but, reach
from git_datmo.progress import QUIET, Progress
from git_datmo.records.record_registry import Record
from git_datmo.redact import hide_passwords
from git_datmo.remotes.keep_commits import KeptEntry, keep_entries, keep_id
from git_datmo.remotes.live_roots import keepers, read_catalog_of_all, unclear, working_trees
from git_datmo.remotes.remote_probe import probe_remote
from git_datmo.remotes.remote_store import destination, holds
from git_datmo.repository.workspace import Workspace
from git_datmo.space.remote_release import read_kept

# Code, environments, logs and curves are small, and no file of the working tree could restore them
# if the remote is lost.
ALWAYS_KEPT = frozenset({":code", ":environment", ":log", ":series"})


@dataclass(frozen=True, slots=True)
class Evicted:
    """The objects and bytes that were freed, or would be, and the remote that has them."""

    remote: str
    objects: int
    size: int


def evict(
    ws: Workspace, paths: Sequence[str] | None, *, dry_run: bool = False, progress: Progress = QUIET
) -> Evicted:
    """Free the content of payloads in all versions; of all records if `paths` is None."""
    # Another command may be about to name a blob that is freed.
    if not dry_run:
        ws.hold_store()
    living = [keeper for _, keeper in keepers(ws, read_catalog_of_all(ws))]
    _check_paths(living, paths)
    remote, there, elsewhere = _divide(ws, living)
    objects = ws.store.objects
    progress.begin("Looking for what the remote has")
    gone = reach(
        objects,
        (k.content.object for k in _of(there) if _is_chosen(k, paths)),
        NeededObjects(objects),
    )
    kept = reach(objects, (k.content.object for k in _of(elsewhere)), NeededObjects(objects))
    reach(objects, (k.content.object for k in _of(there) if not _is_chosen(k, paths)), kept)
    reach(objects, _needed_beside(ws, there), kept)
    if not dry_run:
        # The remaining trees name the freed blobs. Git takes a missing object for promised if a
        # promisor pack names it.
        compaction.promise(pack for pack, marks in gone.packs.items() if PLAIN in marks)
    # A blob is freed only if it was chosen and nothing else needs it. Trees stay in any case.
    planned = compaction.plan(objects, all_but(objects, gone, kept), worth=0)
    progress.finish()
    if not dry_run and planned.freed:
        progress.begin("Writing what stays")
        compaction.carry_out(ws.store, planned, progress=progress)
        progress.finish()
    return Evicted(remote, planned.freed, planned.size)


def _divide(ws: Workspace, living: Sequence[Record]) -> tuple[str, list[Record], list[Record]]:
    """Return the name of the remote or its store, the records that it certainly has, and the
    others.

    A remote accepts a keep ref only with everything it needs, so records below keep refs are whole.
    A store of packs is asked for its indexes.
    """
    remote = destination(ws, find_remote(ws.repo.config, ws.repo.default_remote() or ""))
    if isinstance(remote, PackBackend):
        remote.refresh()
        return (
            remote.url,
            [k for k in living if holds(remote, k)],
            [k for k in living if not holds(remote, k)],
        )
    keeps = [keep_id(keeper, ws.store.format) for keeper in living]
    chains = read_kept(ws, remote, probe_remote(ws, remote)).values()
    there = frozenset[Oid]().union(*(chain.keeps for chain in chains))
    divided: tuple[list[Record], list[Record]] = ([], [])
    for keep, keeper in zip(keeps, living, strict=True):
        divided[keep not in there].append(keeper)
    return hide_passwords(remote.address), *divided


def _of(living: Sequence[Record]) -> Iterator[KeptEntry]:
    return (kept for keeper in living for kept in keep_entries(keeper))


def _is_chosen(kept: KeptEntry, paths: Sequence[str] | None) -> bool:
    if kept.path in ALWAYS_KEPT:
        return False
    return paths is None or any(
        not path or (kept.path + "/").startswith(path + "/") for path in paths
    )


def _check_paths(living: Sequence[Record], paths: Sequence[str] | None) -> None:
    for path in paths or ():
        if not any(_is_chosen(kept, [path]) for kept in _of(living)):
            raise DatmoError(
                f"no snapshot has a payload at '{path}'", "'git datmo du' lists the payloads"
            )


def _needed_beside(ws: Workspace, there: Sequence[Record]) -> Iterator[Oid]:
    """Yield objects that working trees track and no record on the remote has, and unclear ones."""
    shared = {kept.content.object for kept in _of(there)}
    for state in working_trees(ws):
        yield from (t.payload.object for t in state.payloads if t.payload.object not in shared)
    yield from unclear(ws, read_catalog_of_all(ws))
