"""Read the files of an event log, and sum up what they say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from git_datmo.errors import DatmoError
from git_datmo.serving.event_log import OUTCOME, PREDICTION, REFUSAL, SUFFIX

_SOURCE = "/datmo/snapshots/"
_SHORT = 10


def log_files(folder: Path) -> list[Path]:
    """Return the files of a log, oldest first; raise `DatmoError` if the folder is missing."""
    if not folder.is_dir():
        raise DatmoError(
            f"there is no event log '{folder}'", "'git datmo serve --log DIR' writes one"
        )
    return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX))


def read_events(paths: list[Path]) -> Iterator[dict[str, Any]]:
    """Yield each event once. Incomplete and damaged lines are left out."""
    seen: set[tuple[str, str]] = set()
    for path in paths:
        with path.open("rb") as file:
            for line in file:
                event = parse_event(line)
                # Outcomes of a CSV file that was added twice have the same ids.
                if event is None or (event["type"], event["id"]) in seen:
                    continue
                seen.add((event["type"], event["id"]))
                yield event


def known_events(paths: list[Path]) -> set[str]:
    """Return the ids of the outcomes in a log."""
    return {event["id"] for event in read_events(paths) if event["type"] == OUTCOME}


def parse_event(line: bytes) -> dict[str, Any] | None:
    """Return the event of a complete line; None if it is not one."""
    # A server may be writing this line now.
    if not line.endswith(b"\n"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    if not isinstance(event, dict) or not isinstance(event.get("data"), dict):
        return None
    names = (event.get("id"), event.get("type"), event.get("source"), event.get("time"))
    return event if all(isinstance(name, str) for name in names) else None


def snapshot_of(event: dict[str, Any]) -> str:
    """Return the snapshot's id of an event, or its beginning."""
    return str(event["source"]).removeprefix(_SOURCE)


@dataclass(slots=True)
class OutcomeFigures:
    """Predictions of a field beside their outcomes: how many are equal, and how far off numbers
    are."""

    count: int = 0
    equal: int = 0
    numbers: int = 0
    distance: float = 0.0

    def add(self, predicted: object, actual: object) -> None:
        """Count a prediction with its outcome."""
        self.count += 1
        self.equal += predicted == actual
        both = (predicted, actual)
        if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in both):
            self.numbers += 1
            self.distance += abs(float(str(predicted)) - float(str(actual)))

    @property
    def share_equal(self) -> float:
        """Return the share of predictions that are equal to their outcomes."""
        return self.equal / self.count if self.count else 0.0

    @property
    def mean_distance(self) -> float | None:
        """Return the mean absolute error; None if a value is not a number."""
        return self.distance / self.numbers if self.numbers == self.count > 0 else None


@dataclass(slots=True)
class SnapshotEvents:
    """Figures of a snapshot in a log. `snapshot` is the beginning of its id.

    `refused` counts refusals by field and rule. `fields` has the fields of outcomes whose
    predictions are known. `unmatched` counts outcomes without a stored prediction.
    """

    snapshot: str
    predictions: int = 0
    rows: int = 0
    refusals: int = 0
    outcomes: int = 0
    unmatched: int = 0
    first: str = ""
    last: str = ""
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    fields: dict[str, OutcomeFigures] = field(default_factory=dict)


def sum_up(paths: list[Path]) -> list[SnapshotEvents]:
    """Return the figures of each snapshot in a log, in the order of their first events."""
    found: dict[str, SnapshotEvents] = {}
    outputs: dict[str, dict[str, Any]] = {}
    # The last outcome of a prediction's row counts: a label may be corrected.
    outcomes: dict[tuple[str, int], dict[str, Any]] = {}
    for event in read_events(paths):
        short = snapshot_of(event)[:_SHORT]
        events = found.setdefault(short, SnapshotEvents(short))
        events.first = min(filter(None, (events.first, event["time"])))
        events.last = max(events.last, event["time"])
        data = event["data"]
        if event["type"] == PREDICTION:
            events.predictions += 1
            events.rows += int(data.get("rows", 0))
            outputs[event["id"]] = data.get("outputs", {})
        elif event["type"] == REFUSAL:
            events.refusals += 1
            events.refused.update({(v["field"], v["rule"]) for v in data.get("violations", ())})
        elif event["type"] == OUTCOME:
            outcomes[data["prediction"], data.get("row", 0)] = data.get("outcome", {})
    # Joined last: files are read one by one, so an outcome can come before its prediction.
    for (prediction, row), outcome in outcomes.items():
        _join(found[prediction[:_SHORT]], outputs.get(prediction), row, outcome)
    return list(found.values())


def _join(
    events: SnapshotEvents, predicted: dict[str, Any] | None, row: int, outcome: dict[str, Any]
) -> None:
    """Count an outcome beside its prediction."""
    events.outcomes += 1
    if predicted is None:
        events.unmatched += 1
        return
    for name, actual in outcome.items():
        values = predicted.get(name)
        if isinstance(values, list) and 0 <= row < len(values):
            events.fields.setdefault(name, OutcomeFigures()).add(values[row], actual)
