"""Read the events in the files of a log."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from git_datmo.errors import DatmoError
from git_datmo.serving.event_log import OUTCOME, SUFFIX

_SOURCE = "/datmo/snapshots/"


def log_files(folder: Path) -> list[Path]:
    """Return the files of a log, oldest first; raise `DatmoError` if the folder is missing."""
    if not folder.is_dir():
        raise DatmoError(
            f"there is no event log '{folder}'", "'git datmo serve --log DIR' writes one"
        )
    return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX))


def read_events(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Yield each event once. Incomplete and damaged lines are left out."""
    return once(event for path in paths for event in _events_of(path))


def _events_of(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            event = parse_event(line)
            if event is not None:
                yield event


def once(events: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield each event once. Outcomes of a CSV file that was added twice have the same ids."""
    seen: set[tuple[str, str]] = set()
    for event in events:
        key = (event["type"], event["id"])
        if key not in seen:
            seen.add(key)
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


def snapshot_of(event: Mapping[str, Any]) -> str:
    """Return the snapshot's id of an event, or its beginning."""
    return str(event["source"]).removeprefix(_SOURCE)
