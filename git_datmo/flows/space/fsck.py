"""Check the store, name what is lost by payload and snapshot, and get back what can be had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from git_datmo.flows.healing import take_aside
from git_datmo.flows.sharing.contact import ask
from git_datmo.flows.sharing.intake import receive, shared_records
from git_datmo.flows.sharing.keep import keep_id, kept_objects
from git_datmo.flows.sharing.places import destination, holds
from git_datmo.flows.space.losses import Loss, find_losses, find_needs
from git_datmo.flows.space.needs import keepers, read_catalog_of_all
from git_datmo.flows.space.release import read_kept
from git_datmo.flows.space.repair import get_back
from git_datmo.flows.workspace import Workspace
from git_datmo.git.remote import find_remote
from git_datmo.model import Oid
from git_datmo.places.packs import PackPlace
from git_datmo.progress import QUIET, Progress
from git_datmo.store.damage import ASIDE, Flaw, find_flaws


@dataclass(frozen=True, slots=True)
class Checked:
    """Damaged files of the store, what payloads lack, and what a repair did.

    `flaws` are as they were found; `losses` and `unneeded`, damaged objects that nothing needs, as they are afterwards.
    """

    flaws: tuple[Flaw, ...]
    losses: tuple[Loss, ...]
    recovered: int = 0
    aside: Path | None = None

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing is lost, and no damaged file is in its place."""
        return not self.losses and (not self.flaws or self.aside is not None)


def check(ws: Workspace, *, repair: bool = False, progress: Progress = QUIET) -> Checked:
    """Check every object of the store, and all that records and working trees need of it."""
    flaws = tuple(find_flaws(ws.store.objects, progress))
    needs = find_needs(ws)
    damaged = frozenset[Oid]().union(*(flaw.oids for flaw in flaws))
    if not repair:
        return Checked(flaws, tuple(find_losses(ws.store.objects, needs, damaged)))
    lost = take_aside(ws, [flaw.path for flaw in flaws], progress) if flaws else frozenset()
    recovered = get_back(ws, needs, lost, progress)
    lost = frozenset(oid for oid in lost if oid not in ws.store)
    losses = tuple(find_losses(ws.store.objects, needs, lost))
    return Checked(flaws, losses, recovered, ws.store.path / ASIDE if flaws else None)


@dataclass(frozen=True, slots=True)
class RemoteChecked:
    """The records that a remote has, and what those lack of which it does not keep all."""

    remote: str
    held: frozenset[Oid]
    losses: tuple[Loss, ...]

    @property
    def records(self) -> int:
        """Return the number of records on the remote."""
        return len(self.held)


def check_remote(ws: Workspace, name: str = "", *, progress: Progress = QUIET) -> RemoteChecked:
    """Check that a remote has all that the records on it name.

    A git remote takes a keep ref only with all that it needs, so the records that its keep refs lead to are whole.
    """
    remote = find_remote(ws.repo.config, name or ws.repo.default_remote() or "")
    offer = ask(ws, remote)
    tips = receive(ws, remote, offer, progress=progress).values()
    there = set[Oid]().union(*(shared_records(ws, each) for each in tips))
    living = [(oid, keeper) for oid, keeper in keepers(ws, read_catalog_of_all(ws)) if oid in there]
    place = destination(ws, remote)
    losses: list[Loss] = []
    if isinstance(place, PackPlace):
        place.refresh(progress)
        for oid, keeper in living:
            if not holds(place, keeper):
                losses += _losses(oid, ((k.path, k.node.oid) for k in kept_objects(keeper) if k.node.oid not in place))
        return RemoteChecked(place.url, frozenset(there), tuple(losses))
    chains = read_kept(ws, place, offer if place == remote else ask(ws, place)).values()
    kept = frozenset[Oid]().union(*(chain.keeps for chain in chains))
    for oid, keeper in living:
        if keep_id(keeper, ws.store.format) not in kept:
            losses += _losses(oid, ((each.path, each.node.oid) for each in kept_objects(keeper)))
    return RemoteChecked(place.address, frozenset(there), tuple(losses))


def _losses(record: Oid, lacking: Iterator[tuple[str, Oid]]) -> Iterator[Loss]:
    return (Loss(path, str(record), (), (oid,)) for path, oid in lacking)
