"""Let a remote free dropped snapshots: a new keep ref keeps the rest, and old keep refs are
deleted.

Everything that a keep ref leads to stays, except for dropped records: another client may be pushing
objects that no record names yet.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.git.command import Git
from git_datmo.git.remote_commands import Offer, Rejected, Remote, beside, find_remote, push_refs
from git_datmo.history.record_heads import read_catalog
from git_datmo.model import Oid
from git_datmo.progress import QUIET, Progress
from git_datmo.records.image_record import Image
from git_datmo.records.namespaces import Namespace, epoch_of
from git_datmo.records.record_registry import Record
from git_datmo.remotes.keep_chain import bring_chain, keep_tips
from git_datmo.remotes.keep_commits import PARENTS_AT_ONCE, keep_id, write_keep
from git_datmo.remotes.keep_links import Chain, links_between, links_of, tie, write_boundary
from git_datmo.remotes.live_roots import dropped_keepers, keepers, redacted_keeps
from git_datmo.remotes.object_source import ALONE, open_source
from git_datmo.remotes.record_intake import receive, refuse_newer, shared_records
from git_datmo.remotes.refusals import is_rate_limit
from git_datmo.remotes.remote_probe import choose_namespace, probe_remote, retried
from git_datmo.remotes.remote_store import refuse_stored
from git_datmo.remotes.working_clones import store_of_clone
from git_datmo.repository.workspace import Workspace
from git_datmo.sharing.push import share

KeptBy = dict[str, Chain]


@dataclass(frozen=True, slots=True)
class Count:
    """The number of keep commits of snapshots (or not yet named), and of frozen images."""

    snapshots: int
    images: int


@dataclass(frozen=True, slots=True)
class Released:
    """The content that a remote keeps and may free; `unkept` are its records without kept
    objects."""

    remote: str
    kept: Count
    released: Count
    unkept: tuple[tuple[str, Oid], ...]
    is_clone: bool = False


@dataclass(frozen=True, slots=True)
class RemoteMove:
    """The keep ref that is to keep everything: `tip` is its current object, `more` the keeps to
    add."""

    ref: str
    tip: Oid | None
    more: tuple[Oid, ...]


def release(ws: Workspace, name: str = "", *, progress: Progress = QUIET) -> Released:
    """Release objects on a remote that only dropped snapshots need.

    Other clients may push at the same time.
    """
    remote = find_remote(ws.repo.config, name or ws.repo.default_remote() or "", push=True)
    if not remote.name:
        raise DatmoError(
            f"'{remote.url}' is not a remote of this repository",
            "name one that 'git remote -v' lists",
        )
    refuse_stored(ws.repo.config, remote)
    return retried(ws, remote, lambda: _release(ws, remote, progress), progress, resumes=True)


def _release(ws: Workspace, remote: Remote, progress: Progress) -> Released:
    # The remote learns which snapshots were dropped, and gets what is new, before anything goes.
    share(ws, remote.name, progress=progress)
    git = beside(ws.scratch.git, ws.repo.config, remote)
    offer = probe_remote(ws, remote)
    received = receive(ws, remote, offer, progress=progress)
    refuse_newer(ws, remote, received)
    there = set[Oid]().union(*(shared_records(ws, tips) for tips in received.values()))
    form, catalog = ws.store.format, read_catalog(ws, ws.ledger.tips())
    living = {oid: (keep_id(keeper, form), keeper) for oid, keeper in keepers(ws, catalog)}
    wanted_ids = {keep for keep, _ in living.values()}
    dropped = {keep_id(keeper, form): keeper for _, keeper in dropped_keepers(ws, catalog)}
    dead = (dropped.keys() | redacted_keeps(ws, catalog)) - wanted_ids
    kept_by = read_kept(ws, remote, offer)
    if not kept_by and store_of_clone(ws, remote, offer) is not None:
        return Released(remote.name, Count(0, 0), Count(0, 0), (), is_clone=True)
    every = frozenset[Oid]().union(*(chain.keeps for chain in kept_by.values()))
    if kept_by:
        ns, offer = choose_namespace(ws, remote, offer, progress)
        move = _plan(ns, offer, kept_by, dead)
        _write_ties(ws, remote, offer, move, dict(living.values()))
        # The new ref keeps everything that lives before an old one is deleted.
        _keep(ws, git, remote, move, progress)
        _delete(git, remote, {ref: offer.refs[ref] for ref in kept_by if ref != move.ref}, progress)
    unkept = tuple(
        (of.kind, oid) for oid, (keep, of) in living.items() if oid in there and keep not in every
    )
    known = dropped | dict(living.values())
    return Released(remote.name, _count(every - dead, known), _count(every & dead, known), unkept)


def _count(keeps: Collection[Oid], known: Mapping[Oid, Record]) -> Count:
    images = sum(isinstance(known.get(keep), Image) for keep in keeps)
    return Count(len(keeps) - images, images)


def read_kept(ws: Workspace, remote: Remote, offer: Offer) -> KeptBy:
    """Return what each keep ref of a remote leads to. Unseen links are fetched, without
    payloads."""
    return {ref: bring_chain(ws, remote, offer, [tip]) for ref, tip in keep_tips(offer).items()}


def _plan(ns: Namespace, offer: Offer, kept_by: KeptBy, dead: set[Oid]) -> RemoteMove:
    """Choose the keep ref that is to keep everything.

    A new one if the newest keeps dropped records or parts of an unfinished push; else the newest,
    with additions from older ones.
    """
    newest = max(filter(ns.has, kept_by), key=epoch_of, default="")
    wanted = frozenset[Oid]().union(*(chain.keeps for chain in kept_by.values())) - dead
    if not newest or kept_by[newest].keeps & dead or kept_by[newest].parts:
        return RemoteMove(ns.keep_ref(epoch_of(newest) + 1), None, tuple(sorted(wanted)))
    return RemoteMove(newest, offer.refs[newest], tuple(sorted(wanted - kept_by[newest].keeps)))


def _write_ties(
    ws: Workspace, remote: Remote, offer: Offer, move: RemoteMove, living: dict[Oid, Record]
) -> None:
    """Write the links and keep commits that the remote has, so that git sends only new links."""
    for keep in move.more:
        if keep in living:
            write_keep(ws.scratch.write, living[keep], ws.store.format)
    # A keep commit that no local record explains is fetched, without its content.
    unknown = [keep for keep in move.more if keep not in living]
    if unknown:
        filtered = ALONE if offer.filters else ""
        for content in (
            open_source(ws, remote).commits(unknown, depth=1, filtered=filtered).values()
        ):
            ws.scratch.write("commit", content)
    write_boundary(ws, *links_between(links_of(ws), tuple(keep_tips(offer).values()), move.more))


def _keep(ws: Workspace, git: Git, remote: Remote, move: RemoteMove, progress: Progress) -> None:
    """Move the remote's keep ref by links alone: the remote has everything that they name."""
    if not move.more and move.tip is not None:
        return
    tip = move.tip
    # A link ties a limited number of keep commits (FORMAT.md, section 3).
    for start in range(0, max(len(move.more), 1), PARENTS_AT_ONCE):
        tip = tie(ws, tip, *move.more[start : start + PARENTS_AT_ONCE])
    # An empty value means that the ref must not exist yet (git-push).
    lease = f"--force-with-lease={move.ref}:{move.tip or ''}"
    push_refs(git, remote, [f"{tip}:{move.ref}"], progress, lease)


def _delete(git: Git, remote: Remote, old: dict[str, Oid], progress: Progress) -> None:
    """Delete refs on the remote that no other client has moved."""
    refused: dict[str, Rejected] = {}
    # Each ref has its own push, so that one refusal does not stop the others.
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
            f"'{remote.name}' refuses to delete {names}, by which it goes on keeping what was"
            f" dropped: {why}",
            f"ask the administrator of '{remote.name}' to allow it or to delete {names}, then run"
            " the command again",
        )
