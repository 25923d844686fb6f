"""Redact records: remove their text from the histories of records and notes.

The ids of redacted records, and the parents of redacted snapshots, stay known in the drop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from git_datmo.errors import Damaged
from git_datmo.git.remote_commands import find_remote
from git_datmo.history.experiments import History
from git_datmo.history.record_heads import read_heads
from git_datmo.history.record_signatures import attach_records
from git_datmo.model import Oid
from git_datmo.progress import QUIET, Progress
from git_datmo.records.annotation_record import Annotation
from git_datmo.records.catalog import Row
from git_datmo.records.drop_record import Drop, Redacted
from git_datmo.records.ledger import Tips
from git_datmo.records.model_test_record import ModelTest
from git_datmo.records.receipt_record import Receipt
from git_datmo.remotes.keep_commits import keep_entries, keep_id
from git_datmo.remotes.remote_store import stores_of
from git_datmo.repository.workspace import Workspace
from git_datmo.sharing.push import share
from git_datmo.space.drop_records import (
    RECORD_ID,
    Dropped,
    commit_of,
    find_record,
    make_remarks,
    useless_images,
)
from git_datmo.space.remote_release import Released, release


def redact(ws: Workspace, names: Sequence[str], *, why: str = "") -> Dropped:
    """Drop the records whose ids begin with `names`, and remove their text from local history.

    Receipts, tests and annotations about them go too. A record that was dropped before can be
    redacted. If all were redacted before, return that drop, without records.
    """
    history = History(ws)
    before = [_find_redaction(history, name) for name in names]
    fresh = [name for name, row in zip(names, before, strict=True) if row is None]
    if not fresh:
        drop = next(row.record for row in before if row is not None)
        return Dropped(
            Oid.parse(drop), (), tuple(f"'{name}' was redacted before" for name in names)
        )
    rows = {row.record: row for row in (_find(history, name) for name in fresh)}
    rows |= {row.record: row for row in _about(history, rows)}
    images = {row.record: row for row in useless_images(ws, history, rows)}
    remarks = tuple(make_remarks(ws, history, rows))
    entries = tuple(_entry(ws, row) for row in rows.values())
    commit = commit_of(ws, next(iter(rows.values())))
    # Images have no text to remove, so they are dropped and not redacted.
    dropped = tuple(map(Oid.parse, {**rows, **images}))
    record = Drop(dropped, commit, ws.now(), ws.person, why, entries)
    redacted = [entry.record for entry in entries]
    (oid,) = attach_records(ws, record, redacted=redacted)
    return Dropped(oid, dropped, remarks, tuple(redacted))


def _find_redaction(history: History, name: str) -> Row | None:
    """Return the drop that redacted the record whose id begins with `name`, if one did."""
    if not RECORD_ID.match(name):
        return None
    for row in history.catalog.redactions:
        if any(oid.startswith(name) for oid in row.redacted_parents):
            return row
    return None


def _find(history: History, name: str) -> Row:
    """Return the record whose id begins with `name`, also if it was dropped already."""
    dropped = history.catalog.dropped_starting(name) if RECORD_ID.match(name) else []
    if len(dropped) == 1 and not history.catalog.starting(name):
        return dropped[0]
    return find_record(history, name)


def _about(history: History, rows: Mapping[str, Row]) -> Iterator[Row]:
    """Yield the receipts, tests and annotations about records, and those about these."""
    kinds = (Receipt.kind, ModelTest.kind, Annotation.kind)
    pending, seen = list(rows), set(rows)
    while pending:
        for row in history.catalog.every_about(pending.pop()):
            if row.record not in seen and row.kind in kinds:
                seen.add(row.record)
                pending.append(row.record)
                yield row


def _entry(ws: Workspace, row: Row) -> Redacted:
    """Return what stays known of a record."""
    keep = None
    with suppress(Damaged):
        record = ws.ledger.record(Oid.parse(row.record))
        keep = keep_id(record, ws.store.format) if any(keep_entries(record)) else None
    return Redacted(Oid.parse(row.record), tuple(map(Oid.parse, row.parents)), keep)


def remotes_with_text(ws: Workspace) -> tuple[str, ...]:
    """Return the remotes that had the text of redacted records when they were last asked."""
    mine, heads = ws.ledger.tips(), read_heads(ws)
    redacted = ws.ledger.commits.redacted(mine.records, mine.notes)
    return tuple(
        name
        for name in ws.repo.remotes()
        if any(_has_text(ws, tips, redacted) for tips in heads.known_of(name))
    )


def _has_text(ws: Workspace, tips: Tips, redacted: frozenset[Oid]) -> bool:
    """Return True if the histories at `tips` have the text of records that are redacted."""
    commits = ws.ledger.commits
    try:
        if redacted & ws.ledger.records(tips.records):
            return True
        gone = commits.redacted(tips.records) & redacted
        return tips.notes is not None and not gone <= commits.redacted(tips.notes)
    except Damaged:
        return False


def redact_remote(ws: Workspace, name: str, *, progress: Progress = QUIET) -> Released | None:
    """Replace the histories of a remote that have redacted text, and release its objects.

    Return None if its objects are in a store elsewhere, which releases nothing.
    """
    if stores_of(ws.repo.config, find_remote(ws.repo.config, name, push=True)):
        share(ws, name, progress=progress)
        return None
    return release(ws, name, progress=progress)
