"""Drop records. A drop is itself a record, since a union with others would undo a deletion."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from git_datmo.errors import Damaged, DatmoError
from git_datmo.git.refs import read_refs
from git_datmo.history.experiments import History
from git_datmo.history.record_signatures import attach_records
from git_datmo.model import Oid
from git_datmo.records.catalog import Row
from git_datmo.records.drop_record import Drop
from git_datmo.records.image_record import Image
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.remotes.live_roots import keepers
from git_datmo.repository.workspace import Workspace

RECORD_ID = re.compile(r"[0-9a-f]{4,64}\Z")
HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Dropped:
    """The record of a drop, the records that it drops, and remarks for the user.

    `redacted` are those of `records` whose text was removed.
    """

    id: Oid
    records: tuple[Oid, ...]
    remarks: tuple[str, ...]
    redacted: tuple[Oid, ...] = ()


def drop(ws: Workspace, names: Sequence[str], *, why: str = "") -> Dropped:
    """Drop the records whose ids begin with `names`. Objects that no other record needs become
    free.

    Frozen images go with the last snapshot of their environment.
    """
    history = History(ws)
    # Two names can mean the same record.
    rows = {row.record: row for row in (find_record(history, name) for name in names)}
    rows |= {row.record: row for row in useless_images(ws, history, rows)}
    remarks = tuple(make_remarks(ws, history, rows))
    commit = commit_of(ws, next(iter(rows.values())))
    record = Drop(tuple(map(Oid.parse, rows)), commit, ws.now(), ws.person, why)
    (oid,) = attach_records(ws, record)
    return Dropped(oid, record.records, remarks)


def commit_of(ws: Workspace, row: Row) -> Oid:
    """Return the commit that a record is about; HEAD if the record cannot be read."""
    return Oid.parse(row.commit) if row.commit else ws.repo.resolve("HEAD")


def find_record(history: History, name: str) -> Row:
    """Return the record whose id begins with `name`; raise `DatmoError` for none or several."""
    known = RECORD_ID.match(name)
    rows = [row for row in history.catalog.starting(name) if row.kind != "drop"] if known else []
    if len(rows) > 1:
        raise DatmoError(
            f"'{name}' is the start of {len(rows)} records' ids", "give more of the id"
        )
    if not rows:
        if known and any(oid.startswith(name) for oid in history.catalog.dropped):
            raise DatmoError(
                f"'{name}' was dropped already", "'git datmo gc' frees what it alone needed"
            )
        raise DatmoError(
            f"no snapshot's id starts with '{name}'", "'git datmo log' lists the snapshots"
        )
    return rows[0]


def useless_images(ws: Workspace, history: History, dropped: Container[str]) -> Iterator[Row]:
    """Yield the frozen images of environments that only dropped snapshots have."""
    images = [
        row for row in history.catalog.rows if row.kind == Image.kind and row.record not in dropped
    ]
    if not images:
        return
    going, staying = set[Oid](), set[Oid]()
    for oid, keeper in keepers(ws, history.catalog):
        if isinstance(keeper, Snapshot) and keeper.environment is not None:
            (going if str(oid) in dropped else staying).add(keeper.environment.object)
    for row in images:
        with suppress(Damaged):
            of = ws.ledger.record(Oid.parse(row.about[0]))
            if (
                isinstance(of, Snapshot)
                and of.environment
                and of.environment.object in going - staying
            ):
                yield row


def make_remarks(ws: Workspace, history: History, rows: dict[str, Row]) -> Iterator[str]:
    """Yield what the user should know before the records `rows` are dropped."""
    standing = ws.tracking().snapshots if ws.repo.top is not None else ()
    for at in rows.keys() & set(standing):
        yield f"the working tree is at snapshot {at[:10]}: its payloads stay tracked, and stored"
    for ref, tip in read_refs(ws.repo.git, HEADS).items():
        nearest = history.nearest(tip)
        if nearest is not None and str(nearest.id) in rows:
            branch = ref.removeprefix(HEADS)
            yield (
                f"snapshot {str(nearest.id)[:10]} was what said which data the branch"
                f" '{branch}' has"
            )
