"""Lets a remote free what was dropped: what it keeps beside that is kept by a new ref, and the old ones are deleted.

All that a keep ref leads to stays, but for what a drop names: somebody who is sharing at the moment has put there what
no record names yet.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.flows.sharing.chain import bring_chain, keep_tips
from git_datmo.flows.sharing.clones import store_of_clone
from git_datmo.flows.sharing.contact import ask, retried, settle
from git_datmo.flows.sharing.intake import receive, refuse_newer, shared_records
from git_datmo.flows.sharing.keep import PARENTS_AT_ONCE, keep_id, write_keep
from git_datmo.flows.sharing.links import Chain, links_between, tie, write_boundary
from git_datmo.flows.sharing.places import refuse_stored
from git_datmo.flows.sharing.share import share
from git_datmo.flows.sharing.source import ALONE, open_source
from git_datmo.flows.space.needs import dropped_keepers, keepers
from git_datmo.flows.workspace import Workspace
from git_datmo.git.namespaces import Namespace, epoch_of
from git_datmo.git.refusals import is_rate_limit
from git_datmo.git.remote import Offer, Rejected, Remote, beside, find_remote, push_refs
from git_datmo.git.run import Git
from git_datmo.model import Oid
from git_datmo.progress import QUIET, Progress
from git_datmo.records.types import Image, Record

KeptBy = dict[str, Chain]


@dataclass(frozen=True, slots=True)
class Count:
    """How many keep commits are those of snapshots, or of what no record names yet, and how many of frozen images."""

    snapshots: int
    images: int


@dataclass(frozen=True, slots=True)
class Released:
    """What a remote keeps now, and what it may free; `unkept` are the records there that it does not keep, each with
    its kind. A remote that `is_clone` is somebody's working clone, in whose store no ref keeps anything."""

    remote: str
    kept: Count
    released: Count
    unkept: tuple[tuple[str, Oid], ...]
    is_clone: bool = False


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
    return retried(ws, remote, lambda: _release(ws, remote, progress), progress, resumes=True)


def _release(ws: Workspace, remote: Remote, progress: Progress) -> Released:
    share(ws, remote.name, progress=progress)
    git = beside(ws.scratch.git, ws.repo.config, remote)
    offer = ask(ws, remote)
    received = receive(ws, remote, offer, progress=progress)
    refuse_newer(ws, remote, received)
    there = set[Oid]().union(*(shared_records(ws, tips) for tips in received.values()))
    form, catalog = ws.store.format, ws.catalog(ws.ledger.tips())
    living = {oid: (keep_id(keeper, form), keeper) for oid, keeper in keepers(ws, catalog)}
    wanted_ids = {keep for keep, _ in living.values()}
    dropped = {keep_id(keeper, form): keeper for _, keeper in dropped_keepers(ws, catalog)}
    dead = dropped.keys() - wanted_ids
    kept_by = read_kept(ws, remote, offer)
    if not kept_by and store_of_clone(ws, remote, offer) is not None:
        return Released(remote.name, Count(0, 0), Count(0, 0), (), is_clone=True)
    every = frozenset[Oid]().union(*(chain.keeps for chain in kept_by.values()))
    if kept_by:
        ns, offer = settle(ws, remote, offer, progress)
        move = _plan(ns, offer, kept_by, dead)
        _write_ties(ws, remote, offer, move, dict(living.values()))
        _keep(ws, git, remote, move, progress)
        _delete(git, remote, {ref: offer.refs[ref] for ref in kept_by if ref != move.ref}, progress)
    unkept = tuple((of.kind, oid) for oid, (keep, of) in living.items() if oid in there and keep not in every)
    known = dropped | dict(living.values())
    return Released(remote.name, _count(every - dead, known), _count(every & dead, known), unkept)


def _count(keeps: Collection[Oid], known: Mapping[Oid, Record]) -> Count:
    images = sum(isinstance(known.get(keep), Image) for keep in keeps)
    return Count(len(keeps) - images, images)


def read_kept(ws: Workspace, remote: Remote, offer: Offer) -> KeptBy:
    """Return what each keep ref of a remote leads to; links that were not seen yet are fetched, without any payload."""
    return {ref: bring_chain(ws, remote, offer, [tip]) for ref, tip in keep_tips(offer).items()}


def _plan(ns: Namespace, offer: Offer, kept_by: KeptBy, dead: set[Oid]) -> Move:
    """A new epoch where the newest one keeps what is dropped, or parts of a share that was not brought to its end; else
    the newest with what older ones have beyond it."""
    newest = max(filter(ns.has, kept_by), key=epoch_of, default="")
    wanted = frozenset[Oid]().union(*(chain.keeps for chain in kept_by.values())) - dead
    if not newest or kept_by[newest].keeps & dead or kept_by[newest].parts:
        return Move(ns.keep_ref(epoch_of(newest) + 1), None, tuple(sorted(wanted)))
    return Move(newest, offer.refs[newest], tuple(sorted(wanted - kept_by[newest].keeps)))


def _write_ties(ws: Workspace, remote: Remote, offer: Offer, move: Move, living: dict[Oid, Record]) -> None:
    """Let git see what the remote keeps, as links and keep commits: it then has nothing to send but new links."""
    for keep in move.more:
        if keep in living:
            write_keep(ws.scratch.write, living[keep], ws.store.format)
    # What no record here explains is fetched, as a commit alone.
    unknown = [keep for keep in move.more if keep not in living]
    if unknown:
        filtered = ALONE if offer.filters else ""
        for content in open_source(ws, remote).commits(unknown, depth=1, filtered=filtered).values():
            ws.scratch.write("commit", content)
    write_boundary(ws, *links_between(ws.links, tuple(keep_tips(offer).values()), move.more))


def _keep(ws: Workspace, git: Git, remote: Remote, move: Move, progress: Progress) -> None:
    """Bring the remote's keep ref to where it is to be, by links alone: it has all that they tie."""
    if not move.more and move.tip is not None:
        return
    tip = move.tip
    for start in range(0, max(len(move.more), 1), PARENTS_AT_ONCE):
        tip = tie(ws, tip, *move.more[start : start + PARENTS_AT_ONCE])
    lease = f"--force-with-lease={move.ref}:{move.tip or ''}"
    push_refs(git, remote, [f"{tip}:{move.ref}"], progress, lease)


def _delete(git: Git, remote: Remote, old: dict[str, Oid], progress: Progress) -> None:
    """Delete refs on the remote that nobody moved meanwhile; raise `DatmoError` where it keeps some nevertheless."""
    refused: dict[str, Rejected] = {}
    for ref, tip in sorted(old.items()):
        try:
            push_refs(git, remote, [f":{ref}"], progress, f"--force-with-lease={ref}:{tip}")
        except Rejected as refusal:
            if refusal.moved or is_rate_limit(refusal):
                raise
            refused[ref] = refusal
    if refused:
        names = " and ".join(f"'{ref}'" for ref in refused)
        why = next(iter(refused.values())).reason
        raise DatmoError(
            f"'{remote.name}' refuses to delete {names}, by which it goes on keeping what was dropped: {why}",
            f"ask those who run '{remote.name}' to allow it or to delete {names}, then run the command again",
        )
