"""The lines of a note: `<record id> <kind> <summary>`, made from the record alone, united as a set."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite, isnan

from git_datmo.model import Oid, Payload
from git_datmo.records.types import Annotation, Drop, Image, Receipt, Record, Snapshot, Unknown, Value
from git_datmo.sizes import show_size

_LINE = re.compile(r"(?P<record>[0-9a-f]{40}|[0-9a-f]{64}) (?P<kind>[a-z]+)(?: (?P<summary>.*))?\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
SUMMARY_LIMIT = 200


@dataclass(frozen=True, slots=True)
class NoteLine:
    """One line of a note that names a record."""

    record: Oid
    kind: str
    summary: str

    def __str__(self) -> str:
        return f"{self.record} {self.kind} {self.summary}".rstrip()


def make_line(oid: Oid, record: Record) -> NoteLine:
    return NoteLine(oid, record.kind, summarise(record))


def parse_note(raw: bytes) -> tuple[tuple[NoteLine, ...], tuple[str, ...]]:
    """The lines of a note that name records, and those that are not ours."""
    ours, others = [], []
    for line in raw.decode("utf-8", "replace").split("\n"):
        match = _LINE.match(line)
        if match:
            ours.append(NoteLine(Oid.parse(match["record"]), match["kind"], match["summary"] or ""))
        elif line.strip():
            others.append(line)
    return tuple(ours), tuple(others)


def unite(*notes: bytes) -> bytes:
    """All lines of all notes, each once, sorted: what git's `cat_sort_uniq` strategy makes."""
    lines = {line for note in notes for line in note.split(b"\n") if line}
    return b"".join(line + b"\n" for line in sorted(lines))


def summarise(record: Record) -> str:
    """What a person reads behind the record's id in `git log`."""
    text = _CONTROL.sub(" ", " ".join(_words(record))).strip()
    return text if len(text) <= SUMMARY_LIMIT else text[: SUMMARY_LIMIT - 1] + "…"


def _words(record: Record) -> Iterable[str]:
    match record:
        case Snapshot():
            if record.message:
                yield f"'{record.message.splitlines()[0]}'"
            yield from (f"{name}={show_value(value)}" for name, value in sorted(record.metrics.items()))
            if record.run is not None and not record.clean:
                yield "(uncommitted changes)"
            yield from map(_payload_words, record.payloads)
        case Receipt():
            yield f"{record.verdict} by {record.author.name}"
        case Image():
            yield f"{record.platform} frozen by {record.author.name} ({show_size(record.content.size)})"
        case Annotation():
            yield record.message
        case Drop():
            yield f"{len(record.records)} dropped {record.why}"
        case Unknown():
            yield "made by a newer git-datmo"


def _payload_words(payload: Payload) -> str:
    return f"{payload.path} ({show_size(payload.content.size)})"


def show_value(value: Value) -> str:
    """A parameter or metric as a person reads it."""
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
