"""What a push can lean on: keep commits that a remote has, so that it is sent only what they do not hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from git_datmo.errors import Incomplete
from git_datmo.flows.sharing.keep import Kept, kept_objects, write_keep
from git_datmo.flows.workspace import Workspace
from git_datmo.git.remote import Remote, common_commits
from git_datmo.git.run import Git
from git_datmo.model import Oid
from git_datmo.records.ledger import Tips, record_ids
from git_datmo.records.types import Snapshot

BASES = 64


def _shared_snapshots(ws: Workspace, tips: Tips) -> list[Snapshot]:
    """The newest snapshots that the remote has."""
    if tips.records is None:
        return []
    there = record_ids(ws.repo.git, str(tips.records))
    catalog = ws.catalog(ws.ledger.tips())
    rows = [row for row in catalog.rows if row.kind == "snapshot" and Oid.parse(row.record) in there]
    records = (ws.ledger.record(Oid.parse(row.record), checked=True) for row in reversed(rows[-BASES:]))
    return [record for record in records if isinstance(record, Snapshot)]


def find_bases(ws: Workspace, git: Git, remote: Remote, tips: Tips, snapshots: Sequence[Snapshot]) -> list[Oid]:
    """Keep commits that a remote with `tips` surely has, whose content overlaps most with what is to be sent.

    Raises `Incomplete` for an object that neither this store nor the remote has.

    That a record is there does not say that what it names is: a stranger's may name anything.
    """
    shared = _shared_snapshots(ws, tips)
    while True:
        bases = _overlapping(ws, snapshots, shared)
        there = common_commits(git, remote, list(bases))
        absent = [id(bases[oid]) for oid in bases if oid not in there]
        if not absent:
            _require_objects(ws, remote, snapshots, list(bases.values()))
            return list(bases)
        shared = [snapshot for snapshot in shared if id(snapshot) not in absent]


def _overlapping(ws: Workspace, snapshots: Iterable[Snapshot], shared: list[Snapshot]) -> dict[Oid, Snapshot]:
    """For each object that is to be sent, a snapshot that names it or an earlier version, by its keep commit."""
    chosen: dict[int, Snapshot] = {}
    for snapshot in snapshots:
        for kept in kept_objects(snapshot):
            match = next((s for s in shared if _names(s, kept)), None) or next(
                (s for s in shared if any(k.path == kept.path and k.node.oid in ws.store for k in kept_objects(s))),
                None,
            )
            if match is not None:
                chosen[id(match)] = match
    return {write_keep(ws.store, snapshot): snapshot for snapshot in chosen.values()}


def _names(snapshot: Snapshot, kept: Kept) -> bool:
    return any(other.node.oid == kept.node.oid for other in kept_objects(snapshot))


def _require_objects(ws: Workspace, remote: Remote, snapshots: Sequence[Snapshot], shared: list[Snapshot]) -> None:
    """Raise `Incomplete` for an object that neither this store nor the remote has."""
    for snapshot in snapshots:
        for kept in kept_objects(snapshot):
            if kept.node.oid not in ws.store and not any(_names(other, kept) for other in shared):
                raise Incomplete(
                    f"'{kept.path}' of a snapshot is neither here nor on '{remote.address}'",
                    "fetch it where it is with 'git datmo fetch', then push again",
                    missing=[str(kept.node.oid)],
                )
