"""Read the events in the files of a log."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from git_datmo.errors import DatmoError
from git_datmo.serving.event_log import OUTCOME, SUFFIX

_SOURCE = re.compile(r"/datmo/snapshots/[0-9a-f]{10,64}\Z")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,20}(Z|[+-][0-9:]{5})\Z")
_NAMED = re.compile(rb'"source": ?"/datmo/snapshots/([0-9a-f]{10})')
# Digits of an integer. Python refuses to write much longer ones.
_MOST_DIGITS = 400


def log_files(folder: Path) -> list[Path]:
    """Return the files of a log, oldest first; raise `DatmoError` if the folder is missing."""
    if not folder.is_dir():
        raise DatmoError(
            f"there is no event log '{folder}'", "'git datmo serve --log DIR' writes one"
        )
    # Reading a pipe of this name would never end.
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if path.is_file())


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
        key = event_key(event)
        if key not in seen:
            seen.add(key)
            yield event


def event_key(event: Mapping[str, Any]) -> tuple[str, str]:
    """Return the type and the id of an event, which are those of no other."""
    return event["type"], event["id"]


def logged_snapshots(folder: Path) -> frozenset[str]:
    """Return the beginnings of the ids of the snapshots in a log; none if it is missing.

    Lines are searched, not parsed, since the page asks for each experiment.
    """
    if not folder.is_dir():
        return frozenset()
    contents = (path.read_bytes() for path in log_files(folder))
    found = {match for content in contents for match in _NAMED.findall(content)}
    return frozenset(match.decode() for match in found)


def known_events(paths: list[Path]) -> set[str]:
    """Return the ids of the outcomes in a log."""
    return {event["id"] for event in read_events(paths) if event["type"] == OUTCOME}


def parse_event(line: bytes) -> dict[str, Any] | None:
    """Return the event of a complete line; None if it is not one.

    Anybody may have written the line, so numbers that JSON or Python cannot write again are
    refused.
    """
    # A server may be writing this line now.
    if not line.endswith(b"\n"):
        return None
    try:
        event = json.loads(
            line, parse_constant=_refuse, parse_float=_parse_float, parse_int=_parse_int
        )
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not isinstance(event.get("data"), dict):
        return None
    names = (event.get("id"), event.get("type"), event.get("source"), event.get("time"))
    if not all(isinstance(name, str) for name in names):
        return None
    # Batches are placed by the source, and ordered by the time.
    is_whole = _SOURCE.match(event["source"]) and _TIME.match(event["time"])
    return event if is_whole else None


def _refuse(text: str) -> NoReturn:
    """Refuse NaN and infinities, which are not JSON."""
    raise ValueError(text)


def _parse_float(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _parse_int(text: str) -> int:
    return int(text) if len(text) <= _MOST_DIGITS else _refuse(text)


def event_order(event: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the key of the events' order. Events with one time are ordered by their content."""
    return event["time"], event["id"], json.dumps(event, sort_keys=True)


def snapshot_of(event: Mapping[str, Any]) -> str:
    """Return the snapshot's id of an event, or its beginning."""
    return str(event["source"]).rpartition("/")[2]
