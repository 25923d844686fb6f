"""Copy everything that living records name to a remote's store.

So a store is moved, or added later. Records do not mention stores, so history does not change.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from git_datmo.backends.pack_backend import PackBackend
from git_datmo.errors import DatmoError, Incomplete
from git_datmo.git.remote_commands import Remote, find_remote
from git_datmo.model import Oid
from git_datmo.objects.missing_elsewhere import Outgoing
from git_datmo.objects.tree_nodes import Node
from git_datmo.progress import QUIET, Progress
from git_datmo.records.ledger import Tips
from git_datmo.records.record_registry import Record
from git_datmo.remotes.fetch_objects import fetch_objects
from git_datmo.remotes.keep_commits import keep_entries, keep_id
from git_datmo.remotes.live_roots import keepers, read_catalog_of_all
from git_datmo.remotes.record_intake import receive, refuse_newer
from git_datmo.remotes.remote_probe import choose_namespace, probe_remote, retried
from git_datmo.remotes.remote_store import destination, send, stores_of
from git_datmo.repository.workspace import Workspace
from git_datmo.sharing.push import share
from git_datmo.sharing.send_objects import SharePlan, send_objects
from git_datmo.space.remote_release import read_kept
from git_datmo.terminal_text import quote_word

Living = dict[Oid, Record]


@dataclass(frozen=True, slots=True)
class Filled:
    """A store that has everything that `records` living records name."""

    store: str
    records: int


def fill_store(ws: Workspace, name: str = "", *, progress: Progress = QUIET) -> Filled:
    """Share with a remote, then complete its store.

    Raises `Incomplete` for records of which something is missing everywhere, after the store has
    the others.
    """
    remote = find_remote(ws.repo.config, name or ws.repo.default_remote() or "", push=True)
    if not stores_of(ws.repo.config, remote):
        raise DatmoError(
            f"no store is set for '{remote.address}'",
            f"set it with 'git config {quote_word(f'datmo.{remote.name}.store')} URL'",
        )
    share(ws, remote.name, progress=progress)
    refuse_newer(ws, remote, receive(ws, remote, probe_remote(ws, remote), progress=progress))
    place = destination(ws, remote)
    living = dict(keepers(ws, read_catalog_of_all(ws)))
    if isinstance(place, PackBackend):
        lost = _fill_packs(ws, place, living, progress)
    else:
        lost = _fill_remote(ws, place, living, progress)
    if lost:
        raise Incomplete(
            f"the content of {len(lost)} of {len(living)} records cannot be found here or on any"
            f" remote, the first is '{lost[0]}'",
            "ask the person who made them to run 'git datmo push --store', or drop them",
            missing=list(map(str, lost)),
        )
    return Filled(place.url, len(living))


def _fill_packs(ws: Workspace, place: PackBackend, living: Living, progress: Progress) -> list[Oid]:
    """Copy missing objects to a backend; return records of which something is missing everywhere.

    Local trees are read even if the backend has them, because its packs may have been lost.
    """
    place.refresh(progress)
    outgoing, missing = _look(ws, place, living)
    if missing:
        with suppress(Incomplete):
            fetch_objects(
                ws, [node for nodes in missing.values() for node in nodes], progress=progress
            )
        # Content that is missing after the fetch is on no remote.
        outgoing, missing = _look(ws, place, living)
    send(place, outgoing, progress)
    return list(missing)


def _look(
    ws: Workspace, place: PackBackend, living: Living
) -> tuple[Outgoing, dict[Oid, list[Node]]]:
    """Return the objects that a backend does not have, and the records that need missing ones."""
    outgoing = Outgoing(ws.store.objects, place, deep=True)
    missing = {
        oid: [kept.node for kept in keep_entries(keeper) if not outgoing.add(kept.content.object)]
        for oid, keeper in living.items()
    }
    return outgoing, {oid: nodes for oid, nodes in missing.items() if nodes}


def _is_had(ws: Workspace, keeper: Record, progress: Progress) -> bool:
    """Return True if everything that a record names is local, after a search on every remote."""
    try:
        return not fetch_objects(
            ws, [kept.node for kept in keep_entries(keeper)], progress=progress
        )
    except Incomplete:
        return False


def _fill_remote(ws: Workspace, place: Remote, living: Living, progress: Progress) -> list[Oid]:
    """Copy missing objects to a git remote, which has what its keep refs lead to."""
    keeps = {oid: keep_id(keeper, ws.store.format) for oid, keeper in living.items()}
    chains = read_kept(ws, place, probe_remote(ws, place)).values()
    there = frozenset[Oid]().union(*(chain.keeps for chain in chains))
    missing = {oid: keeper for oid, keeper in living.items() if keeps[oid] not in there}
    whole = {oid: keeper for oid, keeper in missing.items() if _is_had(ws, keeper, progress)}

    def publish() -> None:
        # Each attempt asks the remote again: another client may have moved the refs.
        ns, offer = choose_namespace(ws, place, probe_remote(ws, place), progress)
        send_objects(
            ws, SharePlan(place, offer, ns, Tips(None, None), (), tuple(whole.values())), progress
        )

    if whole:
        retried(ws, place, publish, progress, resumes=True)
    return [oid for oid in missing if oid not in whole]
