"""Take events out of collected batches, and find the copies that remain.

A batch is rewritten as a new record without the events, and the old record is dropped. Records
of feedback have no values of events, so their history need not be redacted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from git_datmo.errors import Damaged, DatmoError
from git_datmo.history.experiments import History
from git_datmo.history.record_heads import read_heads
from git_datmo.history.record_signatures import attach_records
from git_datmo.history.taken_feedback import TakenFeedback
from git_datmo.model import Oid
from git_datmo.progress import Progress
from git_datmo.query.conditions import Condition, parse_condition, rename
from git_datmo.query.evaluate import matches
from git_datmo.records.drop_record import Drop
from git_datmo.records.feedback_record import Feedback
from git_datmo.repository.workspace import Workspace
from git_datmo.serving.event_log import OUTCOME
from git_datmo.serving.event_reader import event_key, log_files, once, parse_event, read_events
from git_datmo.serving.feedback_batches import FeedbackBatch, batch_lines, find_batches
from git_datmo.serving.feedback_collection import EventBatch, locked_log, store_events
from git_datmo.serving.feedback_rows import join_events
from git_datmo.sizes import show_count
from git_datmo.suggest import nearest

WHY = "events were forgotten"


@dataclass(frozen=True, slots=True)
class RewrittenBatch:
    """A batch that lost events, and its new id; None if no event is left or nothing was written."""

    old: FeedbackBatch
    new: Oid | None
    removed: int


@dataclass(frozen=True, slots=True)
class MadeData:
    """A payload of an experiment that was made of a batch before it was rewritten."""

    snapshot: str
    path: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The rewritten batches, and the copies of the events that remain.

    `predictions` counts the forgotten ids. `in_log` counts the events in the log, and
    `uncollected` those of them that were in no batch. `remotes` are those that had an old batch
    when they were last asked.
    """

    batches: tuple[RewrittenBatch, ...]
    predictions: int
    data: tuple[MadeData, ...]
    remotes: tuple[str, ...]
    in_log: int
    uncollected: int


@dataclass(frozen=True, slots=True)
class _Events:
    """The lines of a batch, each with its event."""

    batch: FeedbackBatch
    lines: tuple[tuple[bytes, dict[str, Any]], ...]


def forget(
    ws: Workspace,
    ids: Sequence[str],
    where: str,
    *,
    log: Path | None,
    dry: bool,
    progress: Progress,
) -> Forgotten:
    """Rewrite all batches without the events of predictions, and drop the old records.

    The predictions are those with `ids`, and those with a row that meets the condition `where`.
    The condition names columns of the table that `take` writes. With `dry`, nothing is written.
    Raises `DatmoError` if no batch has such an event.
    """
    condition = parse_condition(where) if where else None
    with ExitStack() as stack:
        if log is not None and log.is_dir():
            # A collector that runs meanwhile would make a batch that is not seen.
            stack.enter_context(locked_log(log))
        history = History(ws)
        every = [_read(ws, batch, progress) for batch in find_batches(ws, history)]
        chosen = set(ids)
        logged = _read_log(log)
        if condition is not None:
            collected = [event for each in every for _, event in each.lines]
            # Those of the log count, too, since the next collection makes a batch of them.
            chosen |= _matching([*once([*collected, *logged])], condition)
        in_log = [event for event in logged if _is_of(event, chosen)]
        uncollected = _count_new(in_log, every)
        changed = [each for each in every if any(_is_of(event, chosen) for _, event in each.lines)]
        if not changed:
            raise _nothing_to_forget(uncollected)
        forgotten = {_prediction(event) for each in changed for _, event in each.lines} & chosen
        old = [str(each.batch.id) for each in changed]
        data, remotes = tuple(_made_data(history, old)), _remotes_with(ws, old)
        kept = [_keep_rest(each, chosen) for each in changed]
        new_ids = [None] * len(changed) if dry else _replace_batches(ws, changed, kept)
    batches = tuple(
        RewrittenBatch(each.batch, new, len(each.lines) - len(rest.lines))
        for each, new, rest in zip(changed, new_ids, kept, strict=True)
    )
    return Forgotten(batches, len(forgotten), data, remotes, len(in_log), uncollected)


def _nothing_to_forget(uncollected: int) -> DatmoError:
    if uncollected:
        return DatmoError(
            f"no batch in use has these events; the log has {show_count(uncollected, 'event')} of"
            " them",
            "'git datmo feedback collect' makes a batch of them; then forget them",
        )
    return DatmoError(
        "no batch in use has these events", "'git datmo fetch' gets the batches of others"
    )


def _read(ws: Workspace, batch: FeedbackBatch, progress: Progress) -> _Events:
    """Return the events of a batch. Damaged lines are left out."""
    parsed = ((line, parse_event(line)) for line in batch_lines(ws, batch, progress))
    return _Events(batch, tuple((line, event) for line, event in parsed if event is not None))


def _prediction(event: Mapping[str, Any]) -> str:
    """Return the id of the prediction or refusal that an event is about."""
    return str(event["data"].get("prediction") if event["type"] == OUTCOME else event["id"])


def _is_of(event: Mapping[str, Any], predictions: Collection[str]) -> bool:
    return _prediction(event) in predictions


def _matching(events: Sequence[Mapping[str, Any]], condition: Condition) -> set[str]:
    """Return the ids of the predictions with a row that meets a condition.

    Raises `DatmoError` for a name that no row has.
    """
    rows = list(_rows(events))
    names = {name for row in rows for name in row}

    def find(name: str) -> str:
        if name in names:
            return name
        near = nearest(name, sorted(names))
        raise DatmoError(
            f"no event has a value '{name}'",
            f"did you mean '{near}'?" if near else "the names are columns of the data of 'take'",
        )

    known = rename(condition, find)
    return {str(row["prediction"]) for row in rows if matches(known, row)}


def _rows(events: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the rows of predictions, and a row for each other event. Lists are left out."""
    joined = join_events(events).rows
    in_rows = {row["prediction"] for row in joined}
    for row in joined:
        yield {name: value for name, value in row.items() if _is_plain(value)}
    for event in events:
        if _prediction(event) in in_rows:
            continue
        row = {"prediction": _prediction(event), "time": event["time"]}
        outcome = event["data"].get("outcome")
        if isinstance(outcome, dict):
            row = {name: value for name, value in outcome.items() if _is_plain(value)} | row
        yield row


def _is_plain(value: object) -> bool:
    return isinstance(value, (bool, int, float, str))


def _keep_rest(events: _Events, chosen: Collection[str]) -> EventBatch:
    """Return the events of a batch without those of the chosen predictions."""
    kept = EventBatch()
    for line, event in events.lines:
        if not _is_of(event, chosen):
            kept.add(line, event)
    return kept


def _replace_batches(
    ws: Workspace, old: Sequence[_Events], kept: Sequence[EventBatch]
) -> list[Oid | None]:
    """Attach a record of the events that are left of each batch, and drop the old records.

    Return the new id of each batch, None for one without events. All of it is one transaction: a
    crash between the records would leave the same events in two batches.
    """
    records = [
        _make_record(ws, each.batch.feedback, batch)
        for each, batch in zip(old, kept, strict=True)
        if batch.lines
    ]
    ids = tuple(each.batch.id for each in old)
    drop = Drop(ids, old[0].batch.feedback.commit, ws.now(), ws.person, WHY)
    new = iter(attach_records(ws, *records, drop))
    return [next(new) if batch.lines else None for batch in kept]


def _make_record(ws: Workspace, old: Feedback, kept: EventBatch) -> Feedback:
    """Return the record of the events that are left."""
    return replace(
        old,
        created=ws.now(),
        author=ws.person,
        content=store_events(ws, kept.lines),
        **kept.figures(),
    )


def _made_data(history: History, old: Collection[str]) -> Iterator[MadeData]:
    """Yield the payloads of experiments that were made of batches."""
    taken = TakenFeedback(history)
    if not taken:
        return
    for row in history.catalog.rows:
        if row.kind != "snapshot":
            continue
        paths = {each.path for each in taken.in_payloads(row.record) if each.batch in old}
        yield from (MadeData(row.record, path) for path in sorted(paths))


def _remotes_with(ws: Workspace, old: Iterable[str]) -> tuple[str, ...]:
    """Return the remotes that had one of the records when they were last asked."""
    wanted, heads = {Oid.parse(oid) for oid in old}, read_heads(ws)
    return tuple(
        name
        for name in ws.repo.remotes()
        if any(wanted & _records_at(ws, tips.records) for tips in heads.known_of(name))
    )


def _records_at(ws: Workspace, tip: Oid | None) -> set[Oid]:
    try:
        return ws.ledger.records(tip)
    except Damaged:
        return set()


def _read_log(log: Path | None) -> list[dict[str, Any]]:
    """Return the events of a log; none if it is missing."""
    return list(read_events(log_files(log))) if log is not None and log.is_dir() else []


def _count_new(in_log: Sequence[Mapping[str, Any]], every: Sequence[_Events]) -> int:
    """Return how many events of the log are in no batch."""
    known = {event_key(event) for each in every for _, event in each.lines}
    return sum(event_key(event) not in known for event in in_log)
