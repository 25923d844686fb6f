"""Sum up the events of served snapshots: counts, refusals, metrics, and values of fields."""

from __future__ import annotations

import math
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from git_datmo.serving.event_log import OUTCOME, PREDICTION, REFUSAL
from git_datmo.serving.event_reader import event_order, snapshot_of

SHORT = 10
# Of each field, the values of so many of the newest rows are compared with recorded data.
MOST_ROWS = 10_000
# Rows of a prediction that are counted; no server answers so many at once.
MOST_COUNTED = 1 << 32
INPUT, OUTPUT = "input", "output"
# The names that people give to the metrics of production, besides their own.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "accuracy": ("accuracy", "acc"),
    "mean_absolute_error": ("mean_absolute_error", "mae"),
    "root_mean_squared_error": ("root_mean_squared_error", "rmse"),
}
TRAINING = ("train", "training")

Event = Mapping[str, Any]


@dataclass(slots=True)
class OutcomeFigures:
    """Predictions of a field beside their outcomes: equal ones, and the errors of numbers."""

    count: int = 0
    equal: int = 0
    numbers: int = 0
    fractions: int = 0
    distance: float = 0.0
    squares: float = 0.0

    def add(self, predicted: object, actual: object) -> None:
        """Count a prediction with its outcome."""
        self.count += 1
        # A boolean is no number, though Python takes True for 1.
        self.equal += isinstance(predicted, bool) is isinstance(actual, bool) and (
            predicted == actual
        )
        one, other = _finite(predicted), _finite(actual)
        if one is not None and other is not None:
            self.numbers += 1
            self.fractions += not (one.is_integer() and other.is_integer())
            self.distance += abs(one - other)
            self.squares += (one - other) * (one - other)

    def metrics(self) -> dict[str, float]:
        """Return the metrics by their names; those of numbers only if all values are numbers.

        Numbers with fractions are measured, not chosen, so they have no accuracy.
        """
        if not self.count:
            return {}
        found = {} if self.fractions else {"accuracy": self.equal / self.count}
        if self.numbers == self.count:
            found["mean_absolute_error"] = self.distance / self.count
            found["root_mean_squared_error"] = math.sqrt(self.squares / self.count)
        return {name: value for name, value in found.items() if math.isfinite(value)}


@dataclass(slots=True)
class SnapshotEvents:
    """Figures of a snapshot's events. `snapshot` is the beginning of its id.

    `refused` counts refusals by field and rule. `fields` has the fields of outcomes whose
    predictions are known. `unmatched` counts outcomes without a stored prediction. `values` has
    the newest values of each input and output.
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
    values: dict[tuple[str, str], deque[Any]] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        """Count a prediction or a refusal, and the time of any event."""
        self.first = min(filter(None, (self.first, event["time"])))
        self.last = max(self.last, event["time"])
        data = event["data"]
        if event["type"] == PREDICTION:
            rows = data.get("rows")
            self.predictions += 1
            self.rows += rows if type(rows) is int and 0 < rows < MOST_COUNTED else 0
            for side, key in ((INPUT, "inputs"), (OUTPUT, "outputs")):
                for name, values in _object(data, key).items():
                    kept = self.values.setdefault((side, name), deque(maxlen=MOST_ROWS))
                    kept.extend(values if isinstance(values, list) else [values])
        elif event["type"] == REFUSAL:
            self.refusals += 1
            # A request that breaks a rule in many rows is one refusal.
            self.refused.update(set(_broken_rules(data)))

    def join(self, outputs: Mapping[str, Any] | None, row: int, outcome: Mapping[str, Any]) -> None:
        """Count the outcome of a row beside its prediction; None if that is not stored."""
        self.outcomes += 1
        if outputs is None:
            self.unmatched += 1
            return
        for name, actual in outcome.items():
            values = outputs.get(name)
            if isinstance(values, list) and 0 <= row < len(values):
                self.fields.setdefault(name, OutcomeFigures()).add(values[row], actual)


def sum_up(events: Iterable[Event]) -> list[SnapshotEvents]:
    """Return the figures of each snapshot, in the order of their first events."""
    found: dict[str, SnapshotEvents] = {}
    outputs: dict[str, Mapping[str, Any]] = {}
    # The last outcome of a prediction's row counts: a label may be corrected.
    outcomes: dict[tuple[str, int], tuple[SnapshotEvents, Mapping[str, Any]]] = {}
    for event in sorted(events, key=event_order):
        short, data = snapshot_of(event)[:SHORT], event["data"]
        figures = found.setdefault(short, SnapshotEvents(short))
        figures.add(event)
        if event["type"] == PREDICTION:
            outputs[event["id"]] = _object(data, "outputs")
        elif event["type"] == OUTCOME:
            prediction, row = data.get("prediction"), data.get("row", 0)
            if isinstance(prediction, str) and type(row) is int:
                outcomes[prediction, row] = (figures, _object(data, "outcome"))
    for (prediction, row), (figures, outcome) in outcomes.items():
        figures.join(outputs.get(prediction), row, outcome)
    return sorted(found.values(), key=lambda figures: (figures.first, figures.snapshot))


def recorded_beside(metric: str, recorded: Iterable[str]) -> Iterator[str]:
    """Yield the names of recorded metrics that measure as `metric` does, on other data.

    Those are its own names, also behind other words: 'val/accuracy' and 'test_acc' measure
    'accuracy'. A metric of training is left out.
    """
    for name in recorded:
        words = [word for word in re.split(r"[\W_]+", name.lower()) if word]
        text = f"_{'_'.join(words)}"
        is_same = any(text.endswith(f"_{alias}") for alias in ALIASES.get(metric, (metric,)))
        if is_same and not any(word in TRAINING for word in words):
            yield name


def _object(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return an object of an event; an empty one if it has another form."""
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _broken_rules(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the field and the rule of each violation of a refusal."""
    violations = data.get("violations")
    for each in violations if isinstance(violations, list) else ():
        if isinstance(each, dict):
            yield str(each.get("field", "")), str(each.get("rule", ""))


def _finite(value: object) -> float | None:
    """Return a finite number; None for other values."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
