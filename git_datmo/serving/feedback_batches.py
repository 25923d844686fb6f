"""Find the records of collected events, and read their events from the store."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from git_datmo.errors import Damaged, DatmoError, Incomplete
from git_datmo.history.experiments import History
from git_datmo.model import Form, Oid
from git_datmo.objects.chunk_trees import read_chunks
from git_datmo.objects.stored_folders import find_name
from git_datmo.objects.tree_nodes import root_node
from git_datmo.progress import Progress
from git_datmo.records.feedback_record import Feedback
from git_datmo.remotes.missing_objects import find_missing
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.rerun_inputs import require_objects
from git_datmo.serving.event_reader import parse_event
from git_datmo.serving.feedback_collection import EVENTS

_ID = re.compile(r"[0-9a-f]{4,64}\Z")


@dataclass(frozen=True, slots=True)
class FeedbackBatch:
    """A record of collected events, with its id."""

    id: Oid
    feedback: Feedback


def find_batches(
    ws: Workspace, history: History, names: Sequence[str] = ()
) -> tuple[FeedbackBatch, ...]:
    """Return the batches whose ids begin with `names`, oldest first; all batches without names.

    Raises `DatmoError` for a name that no batch or several batches have.
    """
    rows = [row for row in history.catalog.rows if row.kind == Feedback.kind]
    if names:
        chosen = {_find(history, name) for name in names}
        rows = [row for row in rows if row.record in chosen]
    found = []
    for row in sorted(rows, key=lambda row: row.order):
        oid = Oid.parse(row.record)
        record = ws.ledger.record(oid, checked=True)
        if isinstance(record, Feedback):
            found.append(FeedbackBatch(oid, record))
    return tuple(found)


def _find(history: History, name: str) -> str:
    """Return the id of the batch that `name` begins."""
    is_id = _ID.match(name) is not None
    found = [
        row.record
        for row in (history.catalog.starting(name) if is_id else ())
        if row.kind == Feedback.kind
    ]
    if len(found) > 1:
        raise DatmoError(f"'{name}' is the start of {len(found)} batches' ids", "give more of it")
    if found:
        return found[0]
    if is_id and any(row.kind == Feedback.kind for row in history.catalog.dropped_starting(name)):
        raise DatmoError(
            f"batch '{name}' was dropped", "'git datmo feedback take PATH' takes all batches in use"
        )
    raise DatmoError(
        f"no batch's id starts with '{name}'",
        "'git datmo feedback collect' prints the ids; 'git datmo fetch' gets the batches of others",
    )


def batch_lines(ws: Workspace, batch: FeedbackBatch, progress: Progress | None) -> Iterator[bytes]:
    """Yield the lines of a batch, with their ends; fetch its objects if they are missing.

    Without `progress`, nothing is fetched. Raises `Incomplete` if objects are not available, and
    `Damaged` if the record has no file of events.
    """
    content = batch.feedback.content
    if content.form is not Form.FOLDER:
        raise Damaged(f"the events of batch '{batch.id}' are not a folder")
    top = root_node(content)
    if progress is not None:
        require_objects(ws, [top], batch.id, progress, size=content.size)
    elif not ws.has_store or find_missing(ws.store, [top]):
        raise Incomplete(
            f"the events of batch '{batch.id}' are not here",
            "'git datmo feedback status' fetches them",
        )
    node = find_name(content.object, EVENTS.encode(), ws.store.read_tree)
    if node is None:
        raise Damaged(f"batch '{batch.id}' has no file '{EVENTS}'")
    blobs = read_chunks(node.oid, ws.store.read_tree) if node.chunked else iter([node.oid])
    rest = b""
    for blob in blobs:
        *lines, rest = (rest + ws.store.read(blob, "blob")).split(b"\n")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest


def batch_events(
    ws: Workspace, batch: FeedbackBatch, progress: Progress | None
) -> Iterator[dict[str, Any]]:
    """Yield the events of a batch as `batch_lines` does. Damaged lines are left out."""
    for line in batch_lines(ws, batch, progress):
        event = parse_event(line)
        if event is not None:
            yield event
