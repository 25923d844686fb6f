"""Test reading lines of a log that anybody may have written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from git_datmo.serving.event_reader import event_order, parse_event, snapshot_of
from tests.support.feedback_events import prediction

SNAPSHOT = "ab" * 20
LINE = json.dumps(prediction(SNAPSHOT, 1, {"a": [1.5]}, {})) + "\n"


def changed(**keys: Any) -> str:
    return json.dumps({**json.loads(LINE), **keys}) + "\n"


def test_complete_line_is_an_event_of_its_snapshot() -> None:
    event = parse_event(LINE.encode())
    assert event is not None
    assert snapshot_of(event) == SNAPSHOT
    assert parse_event(LINE.encode().rstrip()) is None


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000 + "\n",
        LINE.replace("1.5", "NaN"),
        LINE.replace("1.5", "1e999"),
        LINE.replace("1.5", "9" * 5000),
        "\x00\n",
        "[]\n",
        changed(data=[]),
        changed(time=5),
        changed(time=""),
        changed(time="2026-01-02T\ud800"),
        changed(source="/datmo/snapshots/"),
        changed(source="/datmo/snapshots/../../x"),
        changed(source="/others/" + SNAPSHOT),
    ],
    ids=lambda line: line[:12].strip(),
)
def test_line_of_another_form_is_no_event(line: str) -> None:
    assert parse_event(line.encode()) is None


def test_events_of_one_time_have_an_order() -> None:
    one, two = json.loads(LINE), json.loads(changed(id="b"))
    assert event_order(one) != event_order(two)
