"""Collect the events of a log as records, each with the events of one snapshot.

The file `collecting.json` is written before the first record, and names the bytes to collect. A
collector that is killed makes the same records again when it is repeated. `collected.json` then
names how far each file was collected.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from git_datmo import locking
from git_datmo.errors import DatmoError
from git_datmo.fsio import write_file
from git_datmo.history.experiments import Found, History
from git_datmo.model import Content, Oid
from git_datmo.records.feedback_record import Feedback
from git_datmo.repository.stored_curves import store_folder
from git_datmo.repository.workspace import Workspace
from git_datmo.serving.event_log import OUTCOME, PREDICTION, REFUSAL
from git_datmo.serving.event_reader import log_files, parse_event, snapshot_of

INTENT, COLLECTED = "collecting.json", "collected.json"
EVENTS = "events.jsonl"
"""Name of the file with the events in the folder of a record."""
_SHORT = 10

Ranges = Mapping[str, tuple[int, int]]


@dataclass(slots=True)
class EventBatch:
    """The events of a snapshot in a collection, as the lines of the log."""

    lines: list[bytes] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    times: list[str] = field(default_factory=list)

    def add(self, line: bytes, event: Mapping[str, Any]) -> None:
        """Add an event."""
        self.lines.append(line)
        self.counts[event["type"]] += 1
        self.times.append(event["time"])

    def figures(self) -> dict[str, Any]:
        """Return the fields of the record that sum up the events."""
        return {
            "first": min(self.times),
            "last": max(self.times),
            "predictions": self.counts[PREDICTION],
            "refusals": self.counts[REFUSAL],
            "outcomes": self.counts[OUTCOME],
        }


def collect(ws: Workspace, folder: Path) -> list[tuple[Oid, Feedback]]:
    """Make a record of each snapshot's new events in a log; return the records with their ids.

    Raises `DatmoError` if this clone does not have a snapshot of the log. Nothing is collected
    then.
    """
    log_files(folder)
    # Two collectors at once would make records of the same events.
    with locking.locked(folder / "collect.lock", seconds=60):
        before = _read_json(folder / COLLECTED).get("files", {})
        # The intent of a killed collector has its time too, so that the records get the same ids.
        intent = _read_json(folder / INTENT) or _begin(ws, folder, before)
        ranges: Ranges = {name: tuple(each) for name, each in intent["files"].items()}
        batches = _read_batches(folder, ranges)
        # A missing snapshot is found before the intent is written, so that nothing is begun.
        snapshots = _find_snapshots(ws, folder, batches)
        if batches and not (folder / INTENT).exists():
            _write_json(folder / INTENT, intent)
        made = [
            _attach(ws, snapshots[short], batch, intent["created"])
            for short, batch in sorted(batches.items())
        ]
        done = {name: end for name, (_, end) in ranges.items()}
        _write_json(folder / COLLECTED, {"files": {**before, **done}})
        # The intent goes last: without it, the next collector would not repeat the same records.
        (folder / INTENT).unlink(missing_ok=True)
        return made


def _begin(ws: Workspace, folder: Path, before: Mapping[str, int]) -> dict[str, Any]:
    """Return the bytes to collect: the complete lines behind those that were collected before."""
    files = {}
    for path in log_files(folder):
        start, data = before.get(path.name, 0), path.read_bytes()
        # The line behind may be incomplete still; a later collection takes it.
        end = data.rfind(b"\n") + 1
        if end > start:
            files[path.name] = [start, end]
    return {"created": ws.now(), "files": files}


def _read_batches(folder: Path, ranges: Ranges) -> dict[str, EventBatch]:
    """Return the events of each snapshot, by the beginning of its id. Damaged lines are left
    out."""
    batches: dict[str, EventBatch] = {}
    for name, (start, end) in sorted(ranges.items()):
        for line in _lines(folder / name, start, end):
            event = parse_event(line)
            if event is not None:
                batches.setdefault(snapshot_of(event)[:_SHORT], EventBatch()).add(line, event)
    return batches


def _lines(path: Path, start: int, end: int) -> Iterator[bytes]:
    """Yield the lines in a range of bytes."""
    with path.open("rb") as file:
        file.seek(start)
        while start < end and (line := file.readline()):
            start += len(line)
            yield line


def _find_snapshots(
    ws: Workspace, folder: Path, batches: Mapping[str, EventBatch]
) -> dict[str, Found]:
    """Return the snapshots of the events; raise `DatmoError` for one that is not here."""
    history, found = History(ws), {}
    for short in batches:
        snapshot = history.by_id(short)
        if snapshot is None:
            raise DatmoError(
                f"'{folder}' has events of snapshot {short}, which is not in this clone",
                "'git datmo fetch' gets the snapshots of others",
            )
        found[short] = snapshot
    return found


def _attach(ws: Workspace, found: Found, batch: EventBatch, created: str) -> tuple[Oid, Feedback]:
    """Store the events of a snapshot, and attach their record to the commit that served."""
    feedback = Feedback(
        snapshot=found.id,
        commit=found.snapshot.commit,
        created=created,
        author=ws.person,
        content=store_events(ws, batch.lines),
        **batch.figures(),
    )
    (oid,) = ws.ledger.attach(feedback)
    return oid, feedback


def store_events(ws: Workspace, lines: Iterable[bytes]) -> Content:
    """Store the lines of events as the content of a record."""
    with tempfile.TemporaryDirectory(prefix="git-datmo-feedback-", dir=ws.state) as scratch:
        target = Path(scratch) / "feedback"
        target.mkdir()
        (target / EVENTS).write_bytes(b"".join(lines))
        return store_folder(ws, target)


def _read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object; an empty one if the file is missing. Raises `DatmoError` if damaged."""
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DatmoError(f"'{path}' is damaged: {error}", "restore it from a backup") from error
    return document if isinstance(document, dict) else {}


def _write_json(path: Path, document: Mapping[str, Any]) -> None:
    write_file(path, json.dumps(document, sort_keys=True).encode())
