"""Keep the state of a log's collection: the bytes that were collected, and those that will be.

The intent `collecting.json` is written before the first record, and names everything that the
records follow from. So a collector that was killed makes the same records when it is repeated.
`collected.json` then names how far each file was collected, and the bytes of events that wait
for their snapshots.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from git_datmo.errors import DatmoError
from git_datmo.fsio import write_file
from git_datmo.records.record_values import Person

INTENT, COLLECTED = "collecting.json", "collected.json"

Range = tuple[int, int]
Ranges = Mapping[str, tuple[Range, ...]]
"""Ranges of bytes by the names of files, in their order."""


@dataclass(frozen=True, slots=True)
class CollectedBytes:
    """The end of the collected bytes by file, and the ranges before it that wait."""

    files: Mapping[str, int] = field(default_factory=dict)
    waiting: Ranges = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Intent:
    """The bytes to collect, and the time and the author of the records."""

    created: str
    author: Person
    ranges: Ranges


def read_collected(folder: Path) -> CollectedBytes:
    """Return the state of the collection; an empty one before the first."""
    path = folder / COLLECTED
    document = _read(path)
    if document is None:
        return CollectedBytes()
    try:
        return CollectedBytes(
            {str(name): _offset(end) for name, end in document["files"].items()},
            _ranges(document["waiting"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, "has another form") from error


def write_collected(folder: Path, collected: CollectedBytes) -> None:
    """Write the state of the collection durably."""
    document = {"files": dict(collected.files), "waiting": _plain(collected.waiting)}
    _write(folder / COLLECTED, document)


def read_intent(folder: Path) -> Intent | None:
    """Return the intent of a collector that was killed; None if there is none."""
    path = folder / INTENT
    document = _read(path)
    if document is None:
        return None
    try:
        author = Person(str(document["author"]["name"]), str(document["author"]["email"]))
        return Intent(str(document["created"]), author, _ranges(document["files"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, "has another form") from error


def write_intent(folder: Path, intent: Intent) -> None:
    """Write the intent durably."""
    author = {"name": intent.author.name, "email": intent.author.email}
    document = {"created": intent.created, "author": author, "files": _plain(intent.ranges)}
    _write(folder / INTENT, document)


def remove_intent(folder: Path) -> None:
    """Remove the intent. Without it, the next collector does not repeat the same records."""
    (folder / INTENT).unlink(missing_ok=True)


def _read(path: Path) -> Any:
    """Return the JSON document in a file; None if the file is missing."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, why: str) -> DatmoError:
    return DatmoError(
        f"'{path}' is damaged: {why}",
        "restore it from a backup, or delete it: 'git datmo feedback collect' then collects the"
        " whole log again, and 'status' and 'take' count each event once",
    )


def _ranges(document: Any) -> Ranges:
    """Return ranges from their JSON form; raise an error of Python for another form."""
    return {
        str(name): tuple((_offset(start), _offset(end)) for start, end in each)
        for name, each in document.items()
    }


def _offset(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(value)
    return value


def _plain(ranges: Ranges) -> dict[str, list[list[int]]]:
    return {name: [list(each) for each in some] for name, some in ranges.items()}


def _write(path: Path, document: Mapping[str, Any]) -> None:
    write_file(path, json.dumps(document, sort_keys=True).encode())
