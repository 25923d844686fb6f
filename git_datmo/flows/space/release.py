"""Lets a remote free what was dropped: what it keeps beside that is kept by a new ref, and the old ones are deleted.

All that a keep ref leads to stays, but for what a drop names: somebody who is sharing at the moment has put there what
no record names yet.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.flows.sharing.contact import ask, retried, settle
from git_datmo.flows.sharing.keep import (
    KEPT_REFS,
    PARENTS_AT_ONCE,
    Chain,
    keep_id,
    kept_ref,
    read_chain,
    write_keep,
    write_link,
)
from git_datmo.flows.sharing.places import refuse_stored
from git_datmo.flows.sharing.share import receive, share, shared_records
from git_datmo.flows.space.needs import dropped_keepers, keepers
from git_datmo.flows.workspace import Workspace
from git_datmo.git.namespaces import Namespace, epoch_of
from git_datmo.git.refs import RefChange, change_refs, read_refs
from git_datmo.git.remote import Offer, Remote, beside, fetch_ids, find_remote, push_refs
from git_datmo.git.run import Git
from git_datmo.model import Oid
from git_datmo.progress import QUIET, Progress
from git_datmo.records.types import Image, Keeper

KeptBy = dict[str, Chain]


@dataclass(frozen=True, slots=True)
class Count:
    """How many keep commits are those of snapshots, or of what no record names yet, and how many of frozen images."""

    snapshots: int
    images: int


@dataclass(frozen=True, slots=True)
class Released:
    """What a remote keeps now, and what it may free; `unkept` are the records there that it does not keep, each with
    its kind."""

    remote: str
    kept: Count
    released: Count
    unkept: tuple[tuple[str, Oid], ...]


@dataclass(frozen=True, slots=True)
class Move:
    """The keep ref that is to hold all that is wanted: `tip` is what it points at, `more` what it lacks."""

    ref: str
    tip: Oid | None
    more: tuple[Oid, ...]


def release(ws: Workspace, name: str = "", *, progress: Progress = QUIET) -> Released:
    """Let go, on a remote, of what dropped snapshots alone need; others may push there at the same time."""
    remote = find_remote(ws.repo.config, name or ws.repo.default_remote() or "", push=True)
    if not remote.name:
        raise DatmoError(f"'{remote.url}' is not a remote of this repository", "name one that 'git remote -v' lists")
    refuse_stored(ws, remote)
    return retried(ws, remote, lambda: _release(ws, remote, progress), progress)


def _release(ws: Workspace, remote: Remote, progress: Progress) -> Released:
    share(ws, remote.name, progress=progress)
    git = beside(ws.store.git, ws.repo.config, remote)
    offer = ask(ws, remote)
    there = set[Oid]().union(*(shared_records(ws, t) for t in receive(ws, remote, offer, progress=progress).values()))
    form, catalog = ws.store.format, ws.catalog(ws.ledger.tips())
    living = {oid: (keep_id(keeper, form), keeper) for oid, keeper in keepers(ws, catalog)}
    wanted_ids = {keep for keep, _ in living.values()}
    dropped = {keep_id(keeper, form): keeper for _, keeper in dropped_keepers(ws, catalog)}
    dead = dropped.keys() - wanted_ids
    kept_by = read_kept(ws, git, remote, offer, wanted_ids | dead)
    every = frozenset[Oid]().union(*(chain.keeps for chain in kept_by.values()))
    if kept_by:
        ns, offer = settle(ws, remote, offer, progress)
        move = _plan(ns, offer, kept_by, dead)
        _keep(ws, git, remote, move, dict(living.values()), progress)
        _delete(ws, git, remote, {ref: offer.refs[ref] for ref in kept_by if ref != move.ref}, progress)
    unkept = tuple((of.kind, oid) for oid, (keep, of) in living.items() if oid in there and keep not in every)
    known = dropped | dict(living.values())
    return Released(remote.name, _count(every - dead, known), _count(every & dead, known), unkept)


def _count(keeps: Collection[Oid], known: Mapping[Oid, Keeper]) -> Count:
    images = sum(isinstance(known.get(keep), Image) for keep in keeps)
    return Count(len(keeps) - images, images)


def read_kept(ws: Workspace, git: Git, remote: Remote, offer: Offer, known: Container[Oid]) -> KeptBy:
    """What each keep ref of a remote leads to; `known` keep commits need not be here.

    Links that are not here are fetched, without any payload, but where a remote cannot filter: there a keep commit that
    is not known comes with all that it keeps.
    """
    tips = {ref: oid for ref, oid in offer.refs.items() if epoch_of(ref)}
    option = "--filter=tree:0" if offer.filters else "--depth=1"
    before: frozenset[Oid] = frozenset()
    while absent := read_chain(ws.store, tips.values(), known).absent:
        if absent == before:
            raise DatmoError(f"'{remote.address}' does not give the commit '{min(absent)}' that its keep ref needs")
        fetch_ids(git, remote, sorted(absent), QUIET, option, "--quiet")
        ws.store.objects.refresh()
        before = absent
    return {ref: read_chain(ws.store, [tip], known) for ref, tip in tips.items()}


def _plan(ns: Namespace, offer: Offer, kept_by: KeptBy, dead: set[Oid]) -> Move:
    """A new epoch where the newest one keeps what is dropped, or parts of a share that was not brought to its end; else
    the newest with what older ones have beyond it."""
    newest = max(filter(ns.has, kept_by), key=epoch_of, default="")
    wanted = frozenset[Oid]().union(*(chain.keeps for chain in kept_by.values())) - dead
    if not newest or kept_by[newest].keeps & dead or kept_by[newest].parts:
        return Move(ns.keep_ref(epoch_of(newest) + 1), None, tuple(sorted(wanted)))
    return Move(newest, offer.refs[newest], tuple(sorted(wanted - kept_by[newest].keeps)))


def _keep(ws: Workspace, git: Git, remote: Remote, move: Move, living: dict[Oid, Keeper], progress: Progress) -> None:
    """Bring the remote's keep ref to where it is to be, by links alone: it has all that they tie."""
    if not move.more and move.tip is not None:
        return
    for keep in move.more:
        if keep in living:
            write_keep(ws.store, living[keep])
    tip = move.tip
    for start in range(0, max(len(move.more), 1), PARENTS_AT_ONCE):
        group = move.more[start : start + PARENTS_AT_ONCE]
        tip = write_link(ws.store, [*([tip] if tip is not None else []), *group])
    lease = f"--force-with-lease={move.ref}:{move.tip or ''}"
    push_refs(git.with_config([("push.negotiate", "true")]), remote, [f"{tip}:{move.ref}"], progress, lease)


def _delete(ws: Workspace, git: Git, remote: Remote, old: dict[str, Oid], progress: Progress) -> None:
    """Delete refs that nobody moved meanwhile, there and from what we remember of them."""
    for ref, tip in sorted(old.items()):
        push_refs(git, remote, [f":{ref}"], progress, f"--force-with-lease={ref}:{tip}")
    kept = read_refs(ws.store.git, f"{KEPT_REFS}{remote.name}/")
    gone = {kept_ref(remote, ref) for ref in old}
    changes = [RefChange(ref, tip, None) for ref, tip in kept.items() if ref in gone]
    if changes:
        change_refs(ws.store.git, changes, why="released")
