"""Collect the events of a log as records, each with the events of one snapshot."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from git_datmo import locking
from git_datmo.errors import DatmoError
from git_datmo.history.experiments import Found, History
from git_datmo.history.record_signatures import attach_records
from git_datmo.model import Content, Oid
from git_datmo.records.feedback_record import Feedback
from git_datmo.repository.stored_curves import store_folder
from git_datmo.repository.workspace import Workspace
from git_datmo.serving.collection_state import (
    INTENT,
    CollectedBytes,
    Intent,
    Range,
    Ranges,
    read_collected,
    read_intent,
    remove_intent,
    write_collected,
    write_intent,
)
from git_datmo.serving.event_log import OUTCOME, PREDICTION, REFUSAL
from git_datmo.serving.event_reader import log_files, parse_event, snapshot_of

EVENTS = "events.jsonl"
"""Name of the file with the events in the folder of a record."""
_SHORT = 10


@dataclass(slots=True)
class EventBatch:
    """The events of a snapshot in a collection, as the lines of the log.

    `ranges` has the bytes of each line by the name of its file.
    """

    lines: list[bytes] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    times: list[str] = field(default_factory=list)
    ranges: dict[str, list[Range]] = field(default_factory=dict)

    def add(self, line: bytes, event: Mapping[str, Any]) -> None:
        """Add an event."""
        self.lines.append(line)
        self.counts[event["type"]] += 1
        self.times.append(event["time"])

    def add_range(self, name: str, start: int, end: int) -> None:
        """Add the bytes of a line. Lines that follow each other become one range."""
        ranges = self.ranges.setdefault(name, [])
        if ranges and ranges[-1][1] == start:
            start, _ = ranges.pop()
        ranges.append((start, end))

    def figures(self) -> dict[str, Any]:
        """Return the fields of the record that sum up the events."""
        return {
            "first": min(self.times),
            "last": max(self.times),
            "predictions": self.counts[PREDICTION],
            "refusals": self.counts[REFUSAL],
            "outcomes": self.counts[OUTCOME],
        }


@dataclass(frozen=True, slots=True)
class CollectedEvents:
    """The records that a collector made, by their ids.

    `waiting` counts the events of each snapshot that this clone does not have, by the type of
    the event and the beginning of the snapshot's id. They stay in the log, and a later collection
    takes them.
    """

    made: tuple[tuple[Oid, Feedback], ...]
    waiting: Mapping[str, Counter[str]]


def collect(ws: Workspace, folder: Path) -> CollectedEvents:
    """Make a record of each snapshot's new events in a log."""
    log_files(folder)
    with locked_log(folder):
        before = read_collected(folder)
        killed = read_intent(folder)
        intent = killed or Intent(ws.now(), ws.person, _find_ranges(folder, before))
        batches = _read_batches(folder, intent.ranges)
        snapshots = _find_snapshots(ws, batches)
        if snapshots and killed is None:
            write_intent(folder, intent)
        records = [
            _make_record(ws, snapshots[short], batches[short], intent) for short in snapshots
        ]
        # All records are attached in one transaction.
        ids = attach_records(ws, *records) if records else ()
        unknown = {short: batches[short] for short in batches if short not in snapshots}
        after = _after(before, intent.ranges, unknown.values())
        if after != before:
            write_collected(folder, after)
        # Last, since this is the last step that a killed collector must repeat.
        remove_intent(folder)
        return CollectedEvents(
            tuple(zip(ids, records, strict=True)),
            {short: batch.counts for short, batch in unknown.items()},
        )


def locked_log(folder: Path) -> AbstractContextManager[None]:
    """Keep other collectors away from a log: two at once would make records of the same events."""
    return locking.locked(folder / "collect.lock", seconds=60)


def _find_ranges(folder: Path, before: CollectedBytes) -> Ranges:
    """Return the bytes to collect: those that wait, and all complete lines behind the others."""
    ranges = {}
    for path in log_files(folder):
        start = before.files.get(path.name, 0)
        with path.open("rb") as file:
            file.seek(start)
            # The line behind may be incomplete still; a later collection takes it.
            end = start + file.read().rfind(b"\n") + 1
        found = [*before.waiting.get(path.name, ()), *([(start, end)] if end > start else [])]
        if found:
            ranges[path.name] = tuple(found)
    return ranges


def _read_batches(folder: Path, ranges: Ranges) -> dict[str, EventBatch]:
    """Return the events of each snapshot, by the beginning of its id. Damaged lines are left
    out."""
    batches: dict[str, EventBatch] = {}
    for name, some in sorted(ranges.items()):
        for start, line in _lines(folder / name, some):
            event = parse_event(line)
            if event is not None:
                batch = batches.setdefault(snapshot_of(event)[:_SHORT], EventBatch())
                batch.add(line, event)
                batch.add_range(name, start, start + len(line))
    return dict(sorted(batches.items()))


def _lines(path: Path, ranges: Iterable[Range]) -> Iterator[tuple[int, bytes]]:
    """Yield the lines in ranges of bytes, each with its offset."""
    try:
        with path.open("rb") as file:
            for start, end in ranges:
                file.seek(start)
                while file.tell() < end and (line := file.readline()):
                    yield file.tell() - len(line), line
    except FileNotFoundError as error:
        raise DatmoError(
            f"the log has no file '{path.name}' any more, which a killed collection began",
            f"put it back; to go on without it, delete '{path.parent / INTENT}'",
        ) from error


def _find_snapshots(ws: Workspace, batches: Iterable[str]) -> dict[str, Found]:
    """Return the snapshots of the events that are in this clone."""
    history = History(ws)
    found = {short: history.by_id(short) for short in batches}
    return {short: snapshot for short, snapshot in found.items() if snapshot is not None}


def _make_record(ws: Workspace, found: Found, batch: EventBatch, intent: Intent) -> Feedback:
    """Store the events of a snapshot, and return their record."""
    return Feedback(
        snapshot=found.id,
        commit=found.snapshot.commit,
        created=intent.created,
        author=intent.author,
        content=store_events(ws, batch.lines),
        **batch.figures(),
    )


def _after(before: CollectedBytes, ranges: Ranges, unknown: Iterable[EventBatch]) -> CollectedBytes:
    """Return the state after a collection; the events of `unknown` snapshots wait."""
    ends = {name: max(before.files.get(name, 0), some[-1][1]) for name, some in ranges.items()}
    waiting: dict[str, list[Range]] = {}
    for batch in unknown:
        for name, some in batch.ranges.items():
            waiting.setdefault(name, []).extend(some)
    return CollectedBytes(
        {**before.files, **ends},
        {name: tuple(sorted(some)) for name, some in sorted(waiting.items())},
    )


def store_events(ws: Workspace, lines: Iterable[bytes]) -> Content:
    """Store the lines of events as the content of a record."""
    with tempfile.TemporaryDirectory(prefix="git-datmo-feedback-", dir=ws.state) as scratch:
        target = Path(scratch) / "feedback"
        target.mkdir()
        (target / EVENTS).write_bytes(b"".join(lines))
        return store_folder(ws, target)
