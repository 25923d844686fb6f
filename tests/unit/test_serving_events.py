"""Test the file of events when the disk takes no more."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from git_datmo.serving.event_log import EventFile, event_of
from git_datmo.serving.event_reader import read_events


@contextmanager
def limited_files(size: int) -> Iterator[None]:
    """Limit the size of files that this process writes; a write stops there, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def prediction(number: int) -> dict[str, object]:
    data = {"rows": 1, "outputs": {}, "filling": "x" * 100}
    return event_of("git-datmo.prediction", "a" * 40, data, event_id=str(number), seconds=0.0)


def fill(file: EventFile) -> None:
    """Append events until one does not fit."""
    for number in range(100):
        file.append([prediction(number)])


def test_event_that_does_not_fit_leaves_complete_lines(tmp_path: Path) -> None:
    file = EventFile(tmp_path)
    with limited_files(1000), pytest.raises(OSError, match=r"space|large"):
        fill(file)
    (path,) = tmp_path.iterdir()
    stored = len(path.read_bytes().splitlines())
    assert 0 < stored < 10
    assert path.read_bytes().endswith(b"\n")
    assert [event["id"] for event in read_events([path])] == [str(n) for n in range(stored)]
    # There is room again.
    file.append([prediction(1000)])
    file.close()
    events = list(read_events([path]))
    assert len(events) == stored + 1
    assert events[-1]["time"] == "1970-01-01T00:00:00.000Z"


def test_damaged_lines_and_repeated_events_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    line = json.dumps(prediction(1)).encode()
    path.write_bytes(line + b"\n" + line + b"\n{}\n[]\n\xff\n" + line[:40] + b"\n" + line)
    assert [event["id"] for event in read_events([path])] == ["1"]
