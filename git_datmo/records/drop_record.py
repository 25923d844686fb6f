"""Drops: lists of records that no longer count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from git_datmo.model import Oid
from git_datmo.records.record_fields import decode_oids
from git_datmo.records.record_kind import Document, RecordKind
from git_datmo.records.record_values import KeptObject, Person, more_field


@dataclass(frozen=True, slots=True)
class Drop:
    """Records that no longer count.

    A deletion is a record because merging notes restores deleted lines.
    """

    records: tuple[Oid, ...]
    commit: Oid
    created: str
    author: Person
    why: str
    more: tuple[KeptObject, ...] = more_field()

    kind = "drop"


def _decode(document: Document) -> dict[str, Any]:
    """Return the field of a drop that is not a plain JSON value."""
    return {"records": decode_oids(document["records"])}


def _words(drop: Drop) -> tuple[str]:
    """Return the number of records and the reason."""
    return (f"{len(drop.records)} dropped {drop.why}",)


def _title(drop: Drop) -> str:
    """Return the reason."""
    return drop.why


def _about(drop: Drop) -> tuple[Oid, ...]:
    """Return the dropped records."""
    return drop.records


DROP = RecordKind(Drop, words=_words, title=_title, decode=_decode, about=_about)
