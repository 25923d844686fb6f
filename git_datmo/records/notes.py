"""Lines of a note: `<record id> <kind> <summary>`.

A line depends only on its record. Notes are united as sets of lines.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass

from git_datmo.model import Oid
from git_datmo.records.record_registry import Record, find_kind

_LINE = re.compile(r"(?P<record>[0-9a-f]{40}|[0-9a-f]{64}) (?P<kind>[a-z]+)(?: (?P<summary>.*))?\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
SUMMARY_LIMIT = 200


@dataclass(frozen=True, slots=True)
class NoteLine:
    """Line of a note that names a record."""

    record: Oid
    kind: str
    summary: str

    def __str__(self) -> str:
        return f"{self.record} {self.kind} {self.summary}".rstrip()


def make_line(oid: Oid, record: Record) -> NoteLine:
    """Return the note line for a record."""
    return NoteLine(oid, record.kind, summarise(record))


def parse_note(raw: bytes) -> tuple[tuple[NoteLine, ...], tuple[str, ...]]:
    """Return the lines of a note that name records, and the other lines."""
    ours, others = [], []
    # Other programs can add lines in any encoding.
    for line in raw.decode("utf-8", "replace").split("\n"):
        match = _LINE.match(line)
        if match:
            ours.append(NoteLine(Oid.parse(match["record"]), match["kind"], match["summary"] or ""))
        elif line.strip():
            others.append(line)
    return tuple(ours), tuple(others)


def unite(*notes: bytes) -> bytes:
    """Return all lines of all notes, sorted and without duplicates.

    The result is the same as that of git's `cat_sort_uniq` strategy.
    """
    lines = {line for note in notes for line in note.split(b"\n") if line}
    return b"".join(line + b"\n" for line in sorted(lines))


def without_records(note: bytes, records: Container[Oid]) -> bytes:
    """Return a note without the lines that name one of `records`."""
    lines = (
        line
        for line in note.split(b"\n")
        if not any(found.record in records for found in parse_note(line)[0])
    )
    return b"\n".join(lines)


def summarise(record: Record) -> str:
    """Return the summary that `git log` shows after the record's id.

    It has at most `SUMMARY_LIMIT` characters.
    """
    # `git log` prints the line, so it must not control the terminal.
    text = _CONTROL.sub(" ", " ".join(find_kind(record.kind).words(record))).strip()
    return text if len(text) <= SUMMARY_LIMIT else text[: SUMMARY_LIMIT - 1] + "…"
