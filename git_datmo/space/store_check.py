"""Check the store, name lost objects by payload and snapshot, and restore those that are
available."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from git_datmo.backends.pack_backend import PackBackend
from git_datmo.git.remote_commands import find_remote
from git_datmo.model import Oid
from git_datmo.objects.damaged_files import ASIDE, Flaw, find_flaws
from git_datmo.progress import QUIET, Progress
from git_datmo.recovery.object_losses import Loss, find_losses, find_needs
from git_datmo.recovery.object_repair import get_back
from git_datmo.remotes.keep_commits import KeptEntry, keep_entries, keep_id
from git_datmo.remotes.live_roots import keepers, read_catalog_of_all
from git_datmo.remotes.record_intake import receive, shared_records
from git_datmo.remotes.remote_probe import probe_remote
from git_datmo.remotes.remote_store import destination, holds
from git_datmo.repository.healing import take_aside
from git_datmo.repository.workspace import Workspace
from git_datmo.space.remote_release import read_kept


@dataclass(frozen=True, slots=True)
class Checked:
    """Damaged files, lost objects, and the result of a repair.

    `flaws` describes the files as found; `losses` and `unneeded` (damaged objects that nothing
    needs) describe the state afterwards.
    """

    flaws: tuple[Flaw, ...]
    losses: tuple[Loss, ...]
    recovered: int = 0
    aside: Path | None = None

    @property
    def is_sound(self) -> bool:
        """Return True if nothing is lost and no damaged file is in its place."""
        return not self.losses and (not self.flaws or self.aside is not None)


def check(ws: Workspace, *, repair: bool = False, progress: Progress = QUIET) -> Checked:
    """Check every object of the store, and everything that records and working trees need."""
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
    """The records of a remote, and the losses of those that it does not keep completely."""

    remote: str
    held: frozenset[Oid]
    losses: tuple[Loss, ...]

    @property
    def records(self) -> int:
        """Return the number of records on the remote."""
        return len(self.held)


def check_remote(ws: Workspace, name: str = "", *, progress: Progress = QUIET) -> RemoteChecked:
    """Check that a remote has everything that its records name.

    A git remote accepts a keep ref only with everything it needs, so records below keep refs are
    whole.
    """
    remote = find_remote(ws.repo.config, name or ws.repo.default_remote() or "")
    offer = probe_remote(ws, remote)
    tips = receive(ws, remote, offer, progress=progress).values()
    there = set[Oid]().union(*(shared_records(ws, each) for each in tips))
    living = [(oid, keeper) for oid, keeper in keepers(ws, read_catalog_of_all(ws)) if oid in there]
    place = destination(ws, remote)
    losses: list[Loss] = []
    if isinstance(place, PackBackend):
        place.refresh(progress)
        for oid, keeper in living:
            if not holds(place, keeper):
                # A store that has a tree has everything below it (FORMAT.md, section 10.1).
                missing = [kept for kept in keep_entries(keeper) if kept.node.oid not in place]
                losses += _losses(oid, missing)
        return RemoteChecked(place.url, frozenset(there), tuple(losses))
    # The payloads may be on another git remote, which was not asked yet.
    chains = read_kept(ws, place, offer if place == remote else probe_remote(ws, place)).values()
    kept = frozenset[Oid]().union(*(chain.keeps for chain in chains))
    for oid, keeper in living:
        if keep_id(keeper, ws.store.format) not in kept:
            losses += _losses(oid, keep_entries(keeper))
    return RemoteChecked(place.address, frozenset(there), tuple(losses))


def _losses(record: Oid, missing: Iterable[KeptEntry]) -> Iterator[Loss]:
    return (Loss(kept.path, str(record), (), (kept.node.oid,)) for kept in missing)
