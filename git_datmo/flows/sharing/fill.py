"""Brings to a remote's store all that living snapshots name, wherever it is: so a store is moved, or joined later.

Records say nothing of stores: nothing in history changes.
"""

from __future__ import annotations

from dataclasses import dataclass

from git_datmo.errors import DatmoError, Incomplete
from git_datmo.flows.sharing.contact import ask, retried, settle
from git_datmo.flows.sharing.keep import keep_id, kept_objects
from git_datmo.flows.sharing.obtain import obtain
from git_datmo.flows.sharing.places import Place, deposit, destination, holds, stores_of
from git_datmo.flows.sharing.share import SharePlan, publish_objects, share
from git_datmo.flows.space.needs import read_catalog_of_all, snapshots
from git_datmo.flows.space.release import read_kept
from git_datmo.flows.workspace import Workspace
from git_datmo.git.remote import beside, find_remote
from git_datmo.model import Oid
from git_datmo.places.packs import PackPlace
from git_datmo.progress import QUIET, Progress
from git_datmo.records.ledger import Tips
from git_datmo.records.types import Snapshot

Living = dict[Oid, Snapshot]


@dataclass(frozen=True, slots=True)
class Filled:
    """What a store has now: all that `snapshots` living snapshots name, of which it lacked something of `added`."""

    store: str
    snapshots: int
    added: int


def fill_store(ws: Workspace, name: str = "", *, progress: Progress = QUIET) -> Filled:
    """Share with a remote, then let its store have what every living snapshot names.

    Raises `Incomplete` for snapshots of which something can be had nowhere, once the store has the others.
    """
    remote = find_remote(ws.repo.config, name or ws.repo.default_remote() or "", push=True)
    if not stores_of(ws.repo.config, remote):
        raise DatmoError(
            f"no store is set for '{remote.address}'",
            f"set it with 'git config datmo.{remote.name or '<remote>'}.store URL'",
        )
    share(ws, remote.name, progress=progress)
    place = destination(ws, remote)
    living = dict(snapshots(ws, read_catalog_of_all(ws)))
    lacking = _lacking(ws, place, living, progress)
    whole = {oid: snapshot for oid, snapshot in lacking.items() if _is_had(ws, snapshot, progress)}
    _give(ws, place, tuple(whole.values()), progress)
    lost = [oid for oid in lacking if oid not in whole]
    if lost:
        raise Incomplete(
            f"{len(lost)} of {len(living)} snapshots can be had nowhere as a whole, the first is '{lost[0]}'",
            "ask who made them to run 'git datmo push --store', or drop them",
            missing=list(map(str, lost)),
        )
    return Filled(place.url, len(living), len(whole))


def _is_had(ws: Workspace, snapshot: Snapshot, progress: Progress) -> bool:
    """Whether all that a snapshot names is here, when what is not was looked for on every remote."""
    try:
        return not obtain(ws, [kept.node for kept in kept_objects(snapshot)], progress=progress)
    except Incomplete:
        return False


def _lacking(ws: Workspace, place: Place, living: Living, progress: Progress) -> Living:
    """The snapshots that a place has not whole."""
    if isinstance(place, PackPlace):
        place.refresh(progress)
        return {oid: snapshot for oid, snapshot in living.items() if not holds(place, snapshot)}
    git = beside(ws.store.git, ws.repo.config, place)
    keeps = {oid: keep_id(snapshot, ws.store.format) for oid, snapshot in living.items()}
    offer = ask(ws, place)
    there = frozenset[Oid]().union(*read_kept(ws, git, place, offer, set(keeps.values())).values())
    return {oid: snapshot for oid, snapshot in living.items() if keeps[oid] not in there}


def _give(ws: Workspace, place: Place, snapshots: tuple[Snapshot, ...], progress: Progress) -> None:
    if isinstance(place, PackPlace):
        deposit(ws, place, snapshots, progress)
        return

    def publish() -> None:
        ns, offer = settle(ws, place, ask(ws, place), progress)
        publish_objects(ws, SharePlan(place, offer, ns, Tips(None, None), (), snapshots), progress)

    if snapshots:
        retried(ws, place, publish, progress)
