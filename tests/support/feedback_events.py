"""Write event logs as servers write them, and collect them, without a server."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from git_datmo.serving.event_log import OUTCOME, PREDICTION, REFUSAL, event_of
from tests.support.commands import datmo
from tests.support.shell import Shell

# 2026-01-02, in seconds.
_BEGIN = 1767312000.0


def prediction_id(snapshot: str, number: int) -> str:
    """Return the id of a prediction by its number."""
    return f"{snapshot[:10]}-00000000-0000-4000-8000-{number:012x}"


def prediction(
    snapshot: str, number: int, inputs: Mapping[str, Any], outputs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the event of a prediction."""
    rows = max((len(each) for each in inputs.values()), default=0)
    data = {
        "model": "adder",
        "rows": rows,
        "inputs": dict(inputs),
        "outputs": dict(outputs),
        "left_out": [],
        "seconds": 0.001,
    }
    oid = prediction_id(snapshot, number)
    return event_of(PREDICTION, snapshot, data, event_id=oid, seconds=_BEGIN + number)


def outcome(
    snapshot: str, number: int, values: Mapping[str, Any], *, row: int = 0, later: float = 0.0
) -> dict[str, Any]:
    """Return the event of an outcome, a day after the prediction; `later` adds seconds."""
    data = {
        "prediction": prediction_id(snapshot, number),
        "row": row,
        "outcome": dict(values),
        "left_out": [],
    }
    seconds = _BEGIN + 86400 + number + later
    oid = f"outcome-{number}-{row}-{later}"
    return event_of(OUTCOME, snapshot[:10], data, event_id=oid, seconds=seconds)


def refusal(snapshot: str, number: int, field: str, rule: str) -> dict[str, Any]:
    """Return the event of a refused request."""
    violations = [{"field": field, "row": 0, "rule": rule}]
    data = {"model": "adder", "status": 400, "error": "broken", "violations": violations}
    oid = prediction_id(snapshot, number)
    return event_of(REFUSAL, snapshot, data, event_id=oid, seconds=_BEGIN + number)


def write_events(shell: Shell, name: str, events: Sequence[Mapping[str, Any]]) -> None:
    """Write events to the file `name` in the log `events`."""
    folder = shell.cwd / "events"
    folder.mkdir(exist_ok=True)
    lines = "".join(json.dumps(event) + "\n" for event in events)
    (folder / f"{name}.jsonl").write_text(lines)


def collect(shell: Shell, name: str, events: Sequence[Mapping[str, Any]]) -> str:
    """Write and collect events of one snapshot, and return the beginning of the batch's id."""
    write_events(shell, name, events)
    (line,) = datmo(shell, "feedback", "collect", "--log", "events").stdout.splitlines()
    return line.split()[1]
