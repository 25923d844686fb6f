"""Place collected events as data of the working tree, and record which data they became."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from git_datmo.errors import DatmoError, UsageError
from git_datmo.fsio import write_file
from git_datmo.history.experiments import History
from git_datmo.history.taken_feedback import taken_message
from git_datmo.model import Payload, Role
from git_datmo.payloads.addable_paths import AddableCheck
from git_datmo.payloads.payload_changes import current_tracking, find_differences, really_differs
from git_datmo.payloads.store_payloads import add
from git_datmo.progress import Progress
from git_datmo.records.annotation_record import TAKEN, Annotation
from git_datmo.repository.workspace import Workspace
from git_datmo.serving.feedback_batches import FeedbackBatch, batch_events, find_batches
from git_datmo.serving.feedback_rows import WRITERS, JoinedRows, join_events
from git_datmo.terminal_text import quote_word
from git_datmo.worktree.tracking import Tracking


@dataclass(frozen=True, slots=True)
class TakenData:
    """The payload that was made of batches."""

    payload: Payload
    batches: tuple[FeedbackBatch, ...]
    joined: JoinedRows


def take(ws: Workspace, names: Sequence[str], path: str, progress: Progress) -> TakenData:
    """Write the rows of batches to `path`, relative to the repository, and track it as data.

    `names` are the beginnings of the batches' ids; without names, all batches are taken. Raises
    `UsageError` for a path with another ending than `.csv` or `.jsonl`. Raises `DatmoError` if the
    batches have no rows, or if a file at `path` would be lost.
    """
    write = WRITERS.get(PurePosixPath(path).suffix.lower())
    if write is None:
        raise UsageError(f"'{path}' ends in neither .csv nor .jsonl", "give the file such a name")
    history = History(ws)
    batches = find_batches(ws, history, names)
    if not batches:
        raise DatmoError(
            "this clone has no collected feedback",
            "'git datmo feedback collect' makes batches; 'git datmo fetch' gets those of others",
        )
    joined = join_events(event for batch in batches for event in batch_events(ws, batch, progress))
    if not joined.rows:
        raise DatmoError(
            "the batches have no values of predictions",
            "only fields that the contract classifies as public have values: see"
            " 'git datmo help feedback'",
        )
    data = write(joined)
    _refuse_loss(ws, path, data)
    try:
        write_file(ws.root / path, data)
    except OSError as error:
        raise DatmoError(
            f"'{path}' cannot be written: {error.strerror}", "give another path"
        ) from error
    (added,) = add(ws, [path], Role.DATA, progress=progress)
    _record(ws, history, batches, added.payload)
    return TakenData(added.payload, batches, joined)


def _refuse_loss(ws: Workspace, path: str, data: bytes) -> None:
    """Raise `DatmoError` if `path` cannot be a payload, or has content that is stored nowhere."""
    tracking = current_tracking(ws)
    AddableCheck(ws, [path]).check(tracking, path, exists=False)
    full = ws.root / path
    if not os.path.lexists(full):
        return
    is_plain = full.is_file() and not full.is_symlink()
    if is_plain and (full.read_bytes() == data or _is_stored(ws, tracking, path)):
        return
    raise DatmoError(
        f"'{path}' exists, and its content is not stored",
        f"move it away, or give another path; 'git datmo add-data {quote_word(path)}' stores it",
    )


def _is_stored(ws: Workspace, tracking: Tracking, path: str) -> bool:
    """Return True if `path` is a payload with its stored content."""
    tracked, found = tracking.get(path), find_differences(ws, tracking).get(path)
    if tracked is None or found is None:
        return False
    return not (found and really_differs(ws, tracked, found))


def _record(
    ws: Workspace, history: History, batches: Sequence[FeedbackBatch], payload: Payload
) -> None:
    """Annotate each batch with the payload, unless it has that annotation."""
    message = taken_message(payload)
    made = [
        Annotation(batch.id, batch.feedback.commit, ws.now(), ws.person, message, type=TAKEN)
        for batch in batches
        if not _has(history, batch, message)
    ]
    if made:
        ws.ledger.attach(*made)


def _has(history: History, batch: FeedbackBatch, message: str) -> bool:
    """Return True if a batch has an annotation with this message."""
    rows = history.catalog.about(str(batch.id), Annotation.kind)
    found = (history.annotation(row.record) for row in rows)
    return any(each is not None and (each.type, each.message) == (TAKEN, message) for each in found)
