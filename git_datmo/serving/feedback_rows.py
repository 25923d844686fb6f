"""Join predictions and their outcomes as rows of a table, and write the table."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from git_datmo.errors import DatmoError
from git_datmo.serving.event_log import OUTCOME, PREDICTION
from git_datmo.serving.event_reader import event_order

# The columns of every table: id of the prediction, row in it, and time.
_OWN = ("prediction", "row", "time")
_INPUT, _PREDICTED, _OUTCOME = "input_", "predicted_", "outcome_"

Event = Mapping[str, Any]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class JoinedRows:
    """Rows of predictions with their outcomes, in the order of their times.

    `predictions` counts the predictions in them, `labelled` the rows with an outcome, and
    `unmatched` the outcomes whose prediction is in none of the events.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    predictions: int
    labelled: int
    unmatched: int


@dataclass(frozen=True, slots=True)
class _Parts:
    """A row before its columns have names."""

    own: Row
    inputs: Row
    predicted: Row
    outcome: Row


def join_events(events: Iterable[Event]) -> JoinedRows:
    """Return the rows of all predictions in `events`, each prediction once.

    Of several outcomes of a row, the last counts. A row without any value is left out. The result
    does not depend on the order of `events`.
    """
    predictions: dict[str, Event] = {}
    outcomes: dict[tuple[str, int], Row] = {}
    for event in sorted(events, key=event_order):
        data = event["data"]
        if event["type"] == PREDICTION:
            predictions.setdefault(event["id"], event)
        elif event["type"] == OUTCOME:
            row = data.get("row", 0)
            if isinstance(data.get("prediction"), str) and type(row) is int:
                outcomes[data["prediction"], row] = _values(data, "outcome")
    found = {key: outcome for key, outcome in outcomes.items() if key[0] in predictions}
    parts = [part for event in predictions.values() for part in _rows_of(event, found)]
    columns, rows = _name_columns(parts)
    return JoinedRows(
        columns,
        rows,
        predictions=len({row["prediction"] for row in rows}),
        labelled=sum(bool(part.outcome) for part in parts),
        unmatched=len(outcomes) - len(found),
    )


def _values(data: Mapping[str, Any], key: str) -> Row:
    """Return the fields at a key of an event's data; none if it has another form."""
    values = data.get(key)
    return values if isinstance(values, dict) else {}


def _rows_of(event: Event, outcomes: Mapping[tuple[str, int], Row]) -> Iterator[_Parts]:
    """Yield the rows of a prediction that have any value."""
    inputs, outputs = _values(event["data"], "inputs"), _values(event["data"], "outputs")
    lengths = [
        len(value) if isinstance(value, list) else 1
        for value in (*inputs.values(), *outputs.values())
    ]
    for row in range(max(lengths, default=0)):
        yield _Parts(
            {"prediction": event["id"], "row": row, "time": event["time"]},
            _at(inputs, row),
            _at(outputs, row),
            outcomes.get((event["id"], row), {}),
        )


def _at(values: Row, row: int) -> Row:
    """Return the values of a row. A value without rows belongs to the first row."""
    found = {}
    for name, value in values.items():
        if not isinstance(value, list):
            if row == 0:
                found[name] = value
        elif row < len(value):
            found[name] = value[row]
    return found


def _name_columns(parts: Iterable[_Parts]) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """Return the columns and the rows.

    Inputs and outcomes have their own names unless another column has that name. Raises
    `DatmoError` if two columns still have one name.
    """
    every = list(parts)
    inputs = _rename(_fields(each.inputs for each in every), _OWN, _INPUT)
    outcomes = _rename(_fields(each.outcome for each in every), (*_OWN, *inputs.values()), _OUTCOME)
    predicted = {name: f"{_PREDICTED}{name}" for name in _fields(each.predicted for each in every)}
    columns = (*_OWN, *inputs.values(), *predicted.values(), *outcomes.values())
    twice = next((name for name, count in Counter(columns).items() if count > 1), None)
    if twice is not None:
        raise DatmoError(
            f"two fields of the events would be the column '{twice}'",
            "take batches of one snapshot at a time, by their ids",
        )
    rows = []
    for each in every:
        row = dict(each.own)
        row |= {inputs[name]: value for name, value in each.inputs.items()}
        row |= {predicted[name]: value for name, value in each.predicted.items()}
        row |= {outcomes[name]: value for name, value in each.outcome.items()}
        rows.append(row)
    return columns, tuple(rows)


def _fields(rows: Iterable[Row]) -> tuple[str, ...]:
    """Return the names of all fields, in the order in which they first occur."""
    return tuple(dict.fromkeys(name for row in rows for name in row))


def _rename(names: Iterable[str], taken: tuple[str, ...], prefix: str) -> dict[str, str]:
    """Return the column of each name: the name, or the prefix and the name if it is taken."""
    return {name: f"{prefix}{name}" if name in taken else name for name in names}


def write_csv(joined: JoinedRows) -> bytes:
    """Return the rows as CSV. A missing value is empty, and a list is JSON."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(joined.columns)
    for row in joined.rows:
        writer.writerow([_cell(row.get(name)) for name in joined.columns])
    # JSON may have halves of surrogate pairs, which UTF-8 cannot express.
    return file.getvalue().encode("utf-8", "replace")


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def write_json_lines(joined: JoinedRows) -> bytes:
    """Return the rows as JSON Lines. A missing value is null."""
    rows = ({name: row.get(name) for name in joined.columns} for row in joined.rows)
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


WRITERS: Mapping[str, Callable[[JoinedRows], bytes]] = {
    ".csv": write_csv,
    ".jsonl": write_json_lines,
}
"""The writers of tables by the ending of the file's name."""
