"""Brings to a remote's store all that living records name, wherever it is: so a store is moved, or joined later.

Records say nothing of stores: nothing in history changes.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from git_datmo.errors import DatmoError, Incomplete
from git_datmo.flows.sharing.contact import ask, retried, settle
from git_datmo.flows.sharing.intake import receive, refuse_newer
from git_datmo.flows.sharing.keep import keep_id, kept_objects
from git_datmo.flows.sharing.obtain import obtain
from git_datmo.flows.sharing.places import destination, send, stores_of
from git_datmo.flows.sharing.send import SharePlan, send_objects
from git_datmo.flows.sharing.share import share
from git_datmo.flows.space.needs import keepers, read_catalog_of_all
from git_datmo.flows.space.release import read_kept
from git_datmo.flows.workspace import Workspace
from git_datmo.git.remote import Remote, find_remote
from git_datmo.model import Oid
from git_datmo.places.packs import PackPlace
from git_datmo.progress import QUIET, Progress
from git_datmo.records.ledger import Tips
from git_datmo.records.types import Record
from git_datmo.store.layout import Node
from git_datmo.store.outgoing import Outgoing
from git_datmo.terminal_text import quote_word

Living = dict[Oid, Record]


@dataclass(frozen=True, slots=True)
class Filled:
    """What a store has now: all that `records` living records name."""

    store: str
    records: int


def fill_store(ws: Workspace, name: str = "", *, progress: Progress = QUIET) -> Filled:
    """Share with a remote, then let its store have what every living record names.

    Raises `Incomplete` for records of which something can be had nowhere, once the store has the others.
    """
    remote = find_remote(ws.repo.config, name or ws.repo.default_remote() or "", push=True)
    if not stores_of(ws.repo.config, remote):
        raise DatmoError(
            f"no store is set for '{remote.address}'",
            f"set it with 'git config {quote_word(f'datmo.{remote.name}.store')} URL'",
        )
    share(ws, remote.name, progress=progress)
    refuse_newer(ws, remote, receive(ws, remote, ask(ws, remote), progress=progress))
    place = destination(ws, remote)
    living = dict(keepers(ws, read_catalog_of_all(ws)))
    if isinstance(place, PackPlace):
        lost = _fill_packs(ws, place, living, progress)
    else:
        lost = _fill_remote(ws, place, living, progress)
    if lost:
        raise Incomplete(
            f"{len(lost)} of {len(living)} records can be had nowhere as a whole, the first is '{lost[0]}'",
            "ask who made them to run 'git datmo push --store', or drop them",
            missing=list(map(str, lost)),
        )
    return Filled(place.url, len(living))


def _fill_packs(ws: Workspace, place: PackPlace, living: Living, progress: Progress) -> list[Oid]:
    """Give a place what it lacks of records; returns those of which something can be had nowhere.

    Trees that are here are looked into even if the place has them: packs may have been lost there.
    """
    place.refresh(progress)
    outgoing, lacking = _look(ws, place, living)
    if lacking:
        with suppress(Incomplete):
            obtain(ws, [node for nodes in lacking.values() for node in nodes], progress=progress)
        outgoing, lacking = _look(ws, place, living)
    send(place, outgoing, progress)
    return list(lacking)


def _look(ws: Workspace, place: PackPlace, living: Living) -> tuple[Outgoing, dict[Oid, list[Node]]]:
    """What a place lacks, and, for each record, that of which something is neither there nor here."""
    outgoing = Outgoing(ws.store.objects, place, deep=True)
    lacking = {
        oid: [kept.node for kept in kept_objects(keeper) if not outgoing.add(kept.content.object)]
        for oid, keeper in living.items()
    }
    return outgoing, {oid: nodes for oid, nodes in lacking.items() if nodes}


def _is_had(ws: Workspace, keeper: Record, progress: Progress) -> bool:
    """Return whether all that a record names is here, when what is not was looked for on every remote."""
    try:
        return not obtain(ws, [kept.node for kept in kept_objects(keeper)], progress=progress)
    except Incomplete:
        return False


def _fill_remote(ws: Workspace, place: Remote, living: Living, progress: Progress) -> list[Oid]:
    """The same for a git remote, which has what its keep refs lead to."""
    keeps = {oid: keep_id(keeper, ws.store.format) for oid, keeper in living.items()}
    chains = read_kept(ws, place, ask(ws, place)).values()
    there = frozenset[Oid]().union(*(chain.keeps for chain in chains))
    lacking = {oid: keeper for oid, keeper in living.items() if keeps[oid] not in there}
    whole = {oid: keeper for oid, keeper in lacking.items() if _is_had(ws, keeper, progress)}

    def publish() -> None:
        ns, offer = settle(ws, place, ask(ws, place), progress)
        send_objects(ws, SharePlan(place, offer, ns, Tips(None, None), (), tuple(whole.values())), progress)

    if whole:
        retried(ws, place, publish, progress, resumes=True)
    return [oid for oid in lacking if oid not in whole]
