"""From here to a remote: objects first, then records and notes, so that no note names what the remote lacks.

Planning reads; publishing writes. Each step leaves the remote consistent, and a share that was cut off, or that lost a
race, goes on from what the remote has by then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from git_datmo.errors import GitFailed
from git_datmo.flows.history import read_heads
from git_datmo.flows.secrecy.refusal import refuse_secrets
from git_datmo.flows.sharing.contact import ask, retried, settle
from git_datmo.flows.sharing.places import deposit, destination
from git_datmo.flows.sharing.refspecs import set_refspecs
from git_datmo.flows.sharing.send import SharePlan, send_objects
from git_datmo.flows.workspace import Workspace
from git_datmo.git.namespaces import NAMESPACES, NOTES_REF, RECORDS_REF, Namespace, in_use
from git_datmo.git.refs import RefChange, change_refs, read_refs
from git_datmo.git.remote import Offer, Remote, fetch_refs, find_remote, guarded, push_refs
from git_datmo.model import Oid
from git_datmo.places.packs import PackPlace
from git_datmo.progress import QUIET, Progress
from git_datmo.records.ledger import Tips, record_ids
from git_datmo.records.types import Keeper


@dataclass(frozen=True, slots=True)
class Shared:
    """What a share did: the number of records that the remote did not have."""

    remote: str
    records: int


def share(ws: Workspace, remote: str = "", url: str = "", *, progress: Progress = QUIET) -> Shared:
    """Bring a remote up to date; other people may do the same at the same time."""
    target = find_remote(ws.repo.config, remote or ws.repo.default_remote() or "", url, push=True)
    done: set[Oid] = set()

    def once() -> Shared:
        plan_now = plan(ws, target, progress=progress)
        publish(ws, plan_now, progress=progress)
        done.update(plan_now.records)
        return Shared(target.address, len(done))

    return retried(ws, target, once, progress, resumes=True)


def plan(ws: Workspace, remote: Remote, *, progress: Progress = QUIET) -> SharePlan:
    """What `remote` lacks, after taking in what it has and this repository lacks."""
    offer = ask(ws, remote, progress)
    received = receive(ws, remote, offer, progress=progress)
    mine = ws.ledger.tips()
    here = record_ids(ws.repo.git, str(mine.records)) if mine.records else set()
    lacking = sorted(here.difference(*(shared_records(ws, tips) for tips in received.values())))
    rows = {row.record for row in ws.catalog(mine).rows if row.keeps}
    named = [(oid, ws.ledger.record(oid, checked=True)) for oid in lacking if str(oid) in rows]
    refuse_secrets(ws, lacking, named)
    keepers = tuple(record for _, record in named if isinstance(record, Keeper))
    ns, offer = settle(ws, remote, offer, progress) if mine.records else (NAMESPACES[0], offer)
    return SharePlan(remote, offer, ns, received.get(ns, Tips(None, None)), tuple(lacking), keepers)


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
    name = remote.name or "url"
    label, (records_here, notes_here) = ns.of(name), ns.remembered(name)
    known = read_heads(ws).remotes.get(label, Tips(None, None))
    records, notes = offer.refs.get(ns.records), offer.refs.get(ns.notes)
    refspecs = []
    if records is not None and records != known.records:
        refspecs.append(f"+{ns.records}:{records_here}")
    if notes is not None and notes != known.notes:
        refspecs.append(f"+{ns.notes}:{notes_here}")
    if refspecs:
        fetch_refs(guarded(ws.repo.git), Remote("", remote.url), refspecs, progress, "--quiet")
    came = read_heads(ws).remotes.get(label, Tips(None, None))
    there = Tips(came.records if records else None, came.notes if notes else None)
    ws.ledger.unite(there)
    return there


def publish(ws: Workspace, plan_now: SharePlan, *, progress: Progress = QUIET) -> None:
    """Carry out a plan; raises `Rejected` when the remote changed meanwhile or does not want it."""
    mine = ws.ledger.tips()
    if plan_now.keepers:
        place = destination(ws, plan_now.remote)
        if isinstance(place, PackPlace):
            deposit(ws, place, plan_now.keepers, progress)
        else:
            send_objects(ws, plan_for(ws, plan_now, place, progress), progress)
    ns, there = plan_now.namespace, plan_now.tips
    moves = [f"{RECORDS_REF}:{ns.records}"] if mine.records not in (None, there.records) else []
    moves += [f"{NOTES_REF}:{ns.notes}"] if mine.notes not in (None, there.notes) else []
    if moves:
        _publish_records(ws, plan_now.remote, moves)
    if plan_now.remote.name:
        set_refspecs(ws, plan_now.remote.name, [ns])
        remember(ws, ns, plan_now.remote.name, mine)


def plan_for(ws: Workspace, plan_now: SharePlan, place: Remote, progress: Progress) -> SharePlan:
    """The plan with another remote for its objects, unless it is the same."""
    if place == plan_now.remote:
        return plan_now
    ns, offer = settle(ws, place, ask(ws, place), progress)
    return replace(plan_now, remote=place, offer=offer, namespace=ns)


def _publish_records(ws: Workspace, remote: Remote, moves: list[str]) -> None:
    """Records and notes go together, or records first where the remote cannot do both at once."""
    git, there = guarded(ws.repo.git), Remote("", remote.url)
    if len(moves) > 1 and ws.hosts.of(remote).atomic:
        try:
            return push_refs(git, there, moves, QUIET, "--atomic")
        except GitFailed as error:
            if "--atomic" not in error.stderr:
                raise
            ws.hosts.learn(remote, atomic=False)
    for move in moves:
        push_refs(git, there, [move], QUIET)
    return None


def remember(ws: Workspace, ns: Namespace, remote: str, tips: Tips) -> None:
    """Note that a remote, in one namespace, now has `tips`, as `git push` does with its remote-tracking branches."""
    wanted = dict(zip(ns.remembered(remote), (tips.records, tips.notes), strict=True))
    refs = read_refs(ws.repo.git, *wanted)
    changes = [
        RefChange(ref, refs.get(ref), new) for ref, new in wanted.items() if new is not None and refs.get(ref) != new
    ]
    if changes:
        change_refs(ws.repo.git, changes, why=f"shared with {remote}")
