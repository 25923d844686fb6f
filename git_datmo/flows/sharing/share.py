"""From here to a remote: objects first, then records and notes, so that no note names what the remote lacks.

Planning reads; publishing writes. Each step leaves the remote consistent, and a share that was cut off, or that lost a
race, goes on from what the remote has by then.
"""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass

from git_datmo.errors import GitFailed
from git_datmo.flows.history import REMOTE_REFS, read_heads, unshared
from git_datmo.flows.sharing.bases import find_bases
from git_datmo.flows.sharing.contact import ask, retried, settle
from git_datmo.flows.sharing.keep import kept_objects, write_keep, write_link
from git_datmo.flows.sharing.refspecs import set_refspecs
from git_datmo.flows.workspace import Workspace
from git_datmo.git.folder import find_folder
from git_datmo.git.namespaces import NAMESPACES, NOTES_REF, RECORDS_REF, Namespace, epoch_of, in_use, namespace_of
from git_datmo.git.packs import PackedObjects
from git_datmo.git.refs import RefChange, change_refs, read_ref, read_refs
from git_datmo.git.remote import Offer, Remote, beside, fetch_ids, fetch_refs, find_remote, guarded, push_refs
from git_datmo.model import Oid
from git_datmo.progress import QUIET, Progress
from git_datmo.records.ledger import Tips, record_ids
from git_datmo.records.types import Snapshot
from git_datmo.store.handover import hand_over, mark_each

KEPT_REFS = "refs/datmo/kept/"
PARENTS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class SharePlan:
    """What a remote lacks: `records` in all, of which `snapshots` name objects.

    `tips` is what it has in `namespace`.
    """

    remote: Remote
    offer: Offer
    namespace: Namespace
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

    return retried(ws, target, once, progress)


def plan(ws: Workspace, remote: Remote, *, progress: Progress = QUIET) -> SharePlan:
    """What `remote` lacks, after taking in what it has and this repository lacks."""
    offer = ask(ws, remote)
    received = receive(ws, remote, offer, progress=progress)
    mine = ws.ledger.tips()
    here = record_ids(ws.repo.git, str(mine.records)) if mine.records else set()
    lacking = sorted(here.difference(*(shared_records(ws, tips) for tips in received.values())))
    rows = {row.record for row in ws.catalog(mine).rows if row.kind == "snapshot"}
    records = (ws.ledger.record(oid, checked=True) for oid in lacking if str(oid) in rows)
    snapshots = tuple(record for record in records if isinstance(record, Snapshot))
    ns, offer = settle(ws, remote, offer, progress) if mine.records else (NAMESPACES[0], offer)
    return SharePlan(remote, offer, ns, received.get(ns, Tips(None, None)), tuple(lacking), snapshots)


def shared_records(ws: Workspace, tips: Tips) -> set[Oid]:
    """The records that a remote has at `tips`, which were received."""
    return record_ids(ws.repo.git, str(tips.records)) if tips.records else set()


def receive(ws: Workspace, remote: Remote, offer: Offer, *, progress: Progress = QUIET) -> dict[Namespace, Tips]:
    """Fetch a remote's records and notes where they are news, and unite them with ours.

    Returns, by namespace, what came of those in `offer`: by the time of the fetch the remote may have more.
    """
    used = in_use(offer.refs)
    if remote.name:
        set_refspecs(ws, remote.name, used)
    return {ns: _receive(ws, remote, ns, offer, progress) for ns in used}


def _receive(ws: Workspace, remote: Remote, ns: Namespace, offer: Offer, progress: Progress) -> Tips:
    label = ns.of(remote.name or "url")
    known = read_heads(ws).remotes.get(label, Tips(None, None))
    records, notes = offer.refs.get(ns.records), offer.refs.get(ns.notes)
    refspecs = []
    if records is not None and records != known.records:
        refspecs.append(f"+{ns.records}:{REMOTE_REFS}{label}/records")
    if notes is not None and notes != known.notes:
        refspecs.append(f"+{ns.notes}:{REMOTE_REFS}{label}/notes")
    if refspecs:
        fetch_refs(guarded(ws.repo.git), Remote("", remote.url), refspecs, progress, "--quiet")
    came = read_heads(ws).remotes.get(label, Tips(None, None))
    there = Tips(came.records if records else None, came.notes if notes else None)
    ws.ledger.unite(there)
    return there


def publish(ws: Workspace, plan_now: SharePlan, *, progress: Progress = QUIET) -> None:
    """Carry out a plan; raises `Rejected` when the remote changed meanwhile or does not want it."""
    mine = ws.ledger.tips()
    if plan_now.snapshots:
        _publish_objects(ws, plan_now, progress)
    ns, there = plan_now.namespace, plan_now.tips
    moves = [f"{RECORDS_REF}:{ns.records}"] if mine.records not in (None, there.records) else []
    moves += [f"{NOTES_REF}:{ns.notes}"] if mine.notes not in (None, there.notes) else []
    if moves:
        _publish_records(ws, plan_now.remote, moves, progress)
    if plan_now.remote.name:
        set_refspecs(ws, plan_now.remote.name, [ns])
        remember(ws, ns.of(plan_now.remote.name), mine)


def _publish_records(ws: Workspace, remote: Remote, moves: list[str], progress: Progress) -> None:
    """Records and notes go together, or records first where the remote cannot do both at once."""
    git, there = guarded(ws.repo.git), Remote("", remote.url)
    if len(moves) > 1 and ws.hosts.of(remote).atomic:
        try:
            return push_refs(git, there, moves, progress, "--atomic")
        except GitFailed as error:
            if "--atomic" not in error.stderr:
                raise
            ws.hosts.learn(remote, atomic=False)
    for move in moves:
        push_refs(git, there, [move], progress)
    return None


def remember(ws: Workspace, label: str, tips: Tips) -> None:
    """Note that a remote, in one namespace, now has `tips`, as `git push` does with its remote-tracking branches."""
    refs = read_refs(ws.repo.git, f"{REMOTE_REFS}{label}/")
    wanted = {"records": tips.records, "notes": tips.notes}
    changes = []
    for name, new in wanted.items():
        ref = f"{REMOTE_REFS}{label}/{name}"
        if new is not None and refs.get(ref) != new:
            changes.append(RefChange(ref, refs.get(ref), new))
    if changes:
        change_refs(ws.repo.git, changes, why=f"shared with {label}")


def _publish_objects(ws: Workspace, plan_now: SharePlan, progress: Progress) -> None:
    store, remote, offer = ws.store, plan_now.remote, plan_now.offer
    git = beside(store.git, ws.repo.config, remote)
    ns = plan_now.namespace
    ref = max((name for name in offer.refs if epoch_of(name) and ns.has(name)), key=epoch_of, default=ns.keep_ref(1))
    old = tip = offer.refs.get(ref)
    if tip is not None and tip not in store:
        fetch_ids(git, remote, [tip], progress, "--depth=1", "--quiet")
        store.objects.refresh()
    bases = there = find_bases(
        ws, git, remote, plan_now.tips, plan_now.snapshots, tip=tip, filters=offer.filters and offer.version >= 2
    )
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
        kept = kept_ref(remote, ref)
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


def kept_ref(remote: Remote, keep_ref: str) -> str:
    """The store's own ref for what a remote's keep ref was when it was last seen."""
    ns = namespace_of(keep_ref)
    assert ns is not None
    return f"{KEPT_REFS}{ns.of(remote.name or 'url')}/{epoch_of(keep_ref)}"


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
