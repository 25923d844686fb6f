"""From here to a remote: objects first, then records and notes, so that no note names what the remote lacks.

Planning reads; publishing writes. Each step leaves the remote consistent, and a share that was cut off, or that lost a
race, goes on from what the remote has by then.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from git_datmo.errors import GitFailed
from git_datmo.flows.history import REMOTE_REFS, read_heads, unshared
from git_datmo.flows.sharing.bases import find_bases
from git_datmo.flows.sharing.keep import kept_objects, write_keep, write_link
from git_datmo.flows.sharing.places import deposit, destination
from git_datmo.flows.workspace import Workspace
from git_datmo.git.folder import find_folder
from git_datmo.git.packs import PackedObjects
from git_datmo.git.refs import RefChange, change_refs, read_ref, read_refs
from git_datmo.git.remote import (
    Offer,
    Rejected,
    Remote,
    beside,
    fetch_ids,
    fetch_refs,
    find_remote,
    guarded,
    probe,
    push_refs,
)
from git_datmo.model import Oid
from git_datmo.places.packs import PackPlace
from git_datmo.progress import QUIET, Progress
from git_datmo.records.ledger import NOTES_REF, RECORDS_REF, Tips, record_ids
from git_datmo.records.types import Snapshot
from git_datmo.store.handover import hand_over, mark_each

T = TypeVar("T")

KEEP_REFS = "refs/datmo/keep/"
KEPT_REFS = "refs/datmo/kept/"
_KEEP_REF = re.compile(r"refs/datmo/keep/([1-9][0-9]*)\Z")
ATTEMPTS = 30
PARENTS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class SharePlan:
    """What a remote lacks: `records` in all, of which `snapshots` name objects; `tips` is what it has."""

    remote: Remote
    offer: Offer
    tips: Tips
    records: tuple[Oid, ...]
    snapshots: tuple[Snapshot, ...]


@dataclass(frozen=True, slots=True)
class Shared:
    """What a share did: the number of records that the remote did not have."""

    remote: str
    records: int


def has_unshared(ws: Workspace, remote: str) -> bool:
    """Whether, as far as is known here, `remote` lacks a record or a note; asks nobody."""
    if not ws.has_store:
        return False
    heads = read_heads(ws)
    return heads.here.records is not None and heads.of(remote) != heads.here


def share(ws: Workspace, remote: str = "", url: str = "", *, progress: Progress = QUIET) -> Shared:
    """Bring a remote up to date; other people may do the same at the same time."""
    target = find_remote(ws.repo.config, remote or ws.repo.default_remote() or "", url, push=True)
    done: set[Oid] = set()

    def once() -> Shared:
        plan_now = plan(ws, target, progress=progress)
        publish(ws, plan_now, progress=progress)
        done.update(plan_now.records)
        return Shared(target.address, len(done))

    return retried(once)


def retried(step: Callable[[], T]) -> T:
    """What `step` returns, which is made anew where somebody else was first at a remote."""
    for attempt in range(ATTEMPTS):
        try:
            return step()
        except Rejected as error:
            if not error.moved or attempt == ATTEMPTS - 1:
                raise
            # Others push at the same moment: the delay grows and differs, so that they do not meet again.
            time.sleep(random.uniform(0, min(0.05 * 2**attempt, 2.0)))  # noqa: S311
    raise AssertionError("unreachable")


def plan(ws: Workspace, remote: Remote, *, progress: Progress = QUIET) -> SharePlan:
    """What `remote` lacks, after taking in what it has and this repository lacks."""
    offer = probe(beside(ws.store.git, ws.repo.config, remote), remote, f"{KEEP_REFS}*", RECORDS_REF, NOTES_REF)
    tips = receive(ws, remote, Tips(offer.refs.get(RECORDS_REF), offer.refs.get(NOTES_REF)), progress=progress)
    mine = ws.ledger.tips()
    here = record_ids(ws.repo.git, str(mine.records)) if mine.records else set()
    there = record_ids(ws.repo.git, str(tips.records)) if tips.records else set()
    lacking = sorted(here - there)
    rows = {row.record for row in ws.catalog(mine).rows if row.kind == "snapshot"}
    records = (ws.ledger.record(oid, checked=True) for oid in lacking if str(oid) in rows)
    snapshots = tuple(record for record in records if isinstance(record, Snapshot))
    return SharePlan(remote, offer, tips, tuple(lacking), snapshots)


def receive(ws: Workspace, remote: Remote, tips: Tips, *, progress: Progress = QUIET) -> Tips:
    """Fetch a remote's records and notes where they are news, and unite them with ours.

    Returns what came of `tips`, which the remote advertised: by the time of the fetch it may have more.
    """
    known = read_heads(ws).of(_label(remote))
    refspecs = []
    for ref, now, before in ((RECORDS_REF, tips.records, known.records), (NOTES_REF, tips.notes, known.notes)):
        if now is not None and now != before:
            refspecs.append(f"+{ref}:{REMOTE_REFS}{_label(remote)}/{ref.rpartition('/')[2].replace('datmo', 'notes')}")
    if refspecs:
        fetch_refs(guarded(ws.repo.git), Remote("", remote.url), refspecs, progress, "--quiet")
    came = read_heads(ws).of(_label(remote))
    there = Tips(came.records if tips.records else None, came.notes if tips.notes else None)
    ws.ledger.unite(there)
    return there


def _label(remote: Remote) -> str:
    """Where a remote's state is remembered; a bare URL has a place of its own that is overwritten each time."""
    return remote.name or "url"


def publish(ws: Workspace, plan_now: SharePlan, *, progress: Progress = QUIET) -> None:
    """Carry out a plan; raises `Rejected` when the remote changed meanwhile or does not want it."""
    mine = ws.ledger.tips()
    if plan_now.snapshots:
        place = destination(ws, plan_now.remote)
        if isinstance(place, PackPlace):
            deposit(ws, place, plan_now.snapshots, progress)
        else:
            publish_objects(ws, plan_for(ws, plan_now, place), progress)
    refs = [(RECORDS_REF, mine.records, plan_now.tips.records), (NOTES_REF, mine.notes, plan_now.tips.notes)]
    moves = [f"{ref}:{ref}" for ref, here, there in refs if here is not None and here != there]
    if moves:
        _publish_records(ws, plan_now.remote, moves, progress)
    if plan_now.remote.name:
        remember(ws, plan_now.remote, mine)


def plan_for(ws: Workspace, plan_now: SharePlan, place: Remote) -> SharePlan:
    """The plan with another remote for its objects, unless it is the same."""
    if place == plan_now.remote:
        return plan_now
    offer = probe(beside(ws.store.git, ws.repo.config, place), place, f"{KEEP_REFS}*")
    return replace(plan_now, remote=place, offer=offer)


def _publish_records(ws: Workspace, remote: Remote, moves: list[str], progress: Progress) -> None:
    """Records and notes go together, or records first where the remote cannot do both at once."""
    git, there = guarded(ws.repo.git), Remote("", remote.url)
    try:
        push_refs(git, there, moves, progress, *(["--atomic"] if len(moves) > 1 else []))
    except GitFailed as error:
        if "--atomic" not in error.stderr:
            raise
        for move in moves:
            push_refs(git, there, [move], progress)


def remember(ws: Workspace, remote: Remote, tips: Tips) -> None:
    """Note that `remote` now has `tips`, as `git push` does with its remote-tracking branches."""
    refs = read_refs(ws.repo.git, f"{REMOTE_REFS}{remote.name}")
    wanted = {"records": tips.records, "notes": tips.notes}
    changes = []
    for name, new in wanted.items():
        ref = f"{REMOTE_REFS}{remote.name}/{name}"
        if new is not None and refs.get(ref) != new:
            changes.append(RefChange(ref, refs.get(ref), new))
    if changes:
        change_refs(ws.repo.git, changes, why=f"shared with {remote.name}")


def publish_objects(ws: Workspace, plan_now: SharePlan, progress: Progress) -> None:
    store, remote, offer = ws.store, plan_now.remote, plan_now.offer
    git = beside(store.git, ws.repo.config, remote)
    ref = max((name for name in offer.refs if epoch_of(name)), key=epoch_of, default=f"{KEEP_REFS}1")
    old = tip = offer.refs.get(ref)
    if tip is not None and tip not in store:
        fetch_ids(git, remote, [tip], progress, "--depth=1", "--quiet")
        store.objects.refresh()
    bases = there = find_bases(ws, git, plan_now.remote, plan_now.tips, plan_now.snapshots)
    keeps = [write_keep(store, snapshot) for snapshot in plan_now.snapshots]
    for start in range(0, len(keeps), PARENTS_AT_ONCE):
        group = keeps[start : start + PARENTS_AT_ONCE]
        # What the remote has of the bases is found out by negotiation: their commits are made here, not fetched.
        tip = write_link(store, dict.fromkeys([*([tip] if tip is not None else []), *group, *bases]))
        bases = []
    if tip is not None and not _put_into_folder(ws, plan_now, RefChange(ref, old, tip), there, progress):
        # An epoch that was given up meanwhile must not come back.
        lease = f"--force-with-lease={ref}:{old or ''}"
        push_refs(git.with_config([("push.negotiate", "true")]), remote, [f"{tip}:{ref}"], progress, lease)
    if remote.name and tip is not None:
        kept = f"{KEPT_REFS}{remote.name}/{epoch_of(ref)}"
        change_refs(store.git, [RefChange(kept, read_ref(store.git, kept), tip)], why="shared")


def _put_into_folder(
    ws: Workspace, plan_now: SharePlan, change: RefChange, bases: list[Oid], progress: Progress
) -> bool:
    """Share by files where the remote is a folder that takes them; says whether it did.

    `bases` are commits beside those of its keep refs that it has.
    """
    folder = find_folder(ws.repo.git, ws.repo.config, plan_now.remote, ws.store.format)
    if folder is None or change.new is None or not folder.takes_files():
        return False
    kept = (oid for name, oid in plan_now.offer.refs.items() if epoch_of(name) and oid in ws.store)
    there = (*kept, *bases)
    stdin = "\n".join([str(change.new), *(f"^{oid}" for oid in there), ""]).encode()
    argv = ("rev-list", "--objects", "--no-object-names", "--stdin")
    listed = ws.store.git.finish(*argv, stdin=stdin)
    if listed.returncode:
        return False
    taker = PackedObjects(folder.objects, ws.store.format)
    with closing(taker), suppress(OSError):
        marks = mark_each(ws.store.objects, map(Oid.parse, listed.stdout.decode().split()))
        hand_over(ws.store.objects, taker, marks, progress)
        if folder.holds(change.new):
            folder.move(change.ref, change.old, change.new)
            return True
    return False


def epoch_of(ref: str) -> int:
    """The epoch of a keep ref, counted from 1; 0 for any other ref."""
    match = _KEEP_REF.match(ref)
    return int(match[1]) if match else 0


def size_of_unshared(ws: Workspace, remote: str) -> int:
    """At most how many bytes of payload a share will send: the size of all that new records name."""
    heads = read_heads(ws)
    new = unshared(ws, heads, remote)
    sizes: dict[Oid, int] = {}
    for row in ws.catalog(heads.here).rows:
        if row.kind == "snapshot" and Oid.parse(row.record) in new:
            record = ws.ledger.record(Oid.parse(row.record), checked=True)
            if isinstance(record, Snapshot):
                sizes.update({kept.content.object: kept.content.size for kept in kept_objects(record)})
    return sum(sizes.values())
