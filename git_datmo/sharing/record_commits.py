"""Build the commits of records and notes for a push, on top of those that the remote has."""

from __future__ import annotations

from collections.abc import Collection

from git_datmo.model import Oid
from git_datmo.records.ledger import Tips, record_path
from git_datmo.records.notes import without_records
from git_datmo.repository.workspace import Workspace

WHY = "share"


def build_tips(
    ws: Workspace, mine: Tips, there: Tips, carried: Collection[Oid], left: Collection[Oid]
) -> Tips:
    """Return commits with the remote's records, the records `carried`, and their notes.

    `mine` are the local commits, whose history may name the records `left`. If none is left out,
    they are the answer. Records that were redacted locally leave the remote's.
    """
    if not left:
        return mine
    redacted = ws.ledger.commits.redacted(mine.records, mine.notes, there.records, there.notes)
    return Tips(
        _build_records(ws, mine.records, there.records, set(carried), redacted),
        _build_notes(ws, mine.notes, there.notes, set(left), redacted),
    )


def _build_records(
    ws: Workspace, mine: Oid | None, base: Oid | None, carried: set[Oid], redacted: frozenset[Oid]
) -> Oid | None:
    commits = ws.ledger.commits
    added = carried - ws.ledger.records(base)
    if not added and commits.redacted(base) == redacted:
        return base
    changes = {
        **dict.fromkeys(map(record_path, redacted)),
        **{record_path(oid): oid for oid in added},
        **ws.ledger.mark(base, mine, redacts=bool(redacted)),
    }
    return commits.make(base, None, changes, redacted, WHY)


def _build_notes(
    ws: Workspace, mine: Oid | None, base: Oid | None, left: set[Oid], redacted: frozenset[Oid]
) -> Oid | None:
    theirs = ws.ledger.notes(base)
    lines = {
        commit: without_records(ws.odb.read(blob, "blob"), left)
        for commit, blob in ws.ledger.notes(mine).items()
        if blob != theirs.get(commit)
    }
    changes = ws.ledger.commits.note_changes(base, lines, redacted)
    return ws.ledger.commits.make(base, None, changes, redacted, WHY)
