"""Drops: lists of records that no longer count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from git_datmo.model import Oid
from git_datmo.records.record_fields import decode_oids
from git_datmo.records.record_kind import Document, RecordKind
from git_datmo.records.record_values import KeptObject, Person, later_field, more_field


@dataclass(frozen=True, slots=True)
class Redacted:
    """Rest of a record whose text was removed.

    `parents` are the parents of a snapshot, so that the graph of snapshots stays whole. `keep` is
    the record's keep commit, by which remotes release its objects; None if it kept none.
    """

    record: Oid
    parents: tuple[Oid, ...]
    keep: Oid | None


@dataclass(frozen=True, slots=True)
class Drop:
    """Records that no longer count.

    A deletion is a record because merging notes restores deleted lines. `redacted` are those of
    `records` whose text was removed too.
    """

    records: tuple[Oid, ...]
    commit: Oid
    created: str
    author: Person
    why: str
    redacted: tuple[Redacted, ...] = later_field(tuple)
    more: tuple[KeptObject, ...] = more_field()

    kind = "drop"


def _decode(document: Document) -> dict[str, Any]:
    """Return the fields of a drop that are not plain JSON values."""
    return {
        "records": decode_oids(document["records"]),
        "redacted": tuple(map(_decode_redacted, document.get("redacted", ()))),
    }


def _decode_redacted(raw: Document) -> Redacted:
    keep = Oid.parse(raw["keep"]) if raw["keep"] is not None else None
    return Redacted(Oid.parse(raw["record"]), decode_oids(raw["parents"]), keep)


def _words(drop: Drop) -> tuple[str]:
    """Return the number of records and the reason."""
    return (f"{len(drop.records)} dropped {drop.why}",)


def _title(drop: Drop) -> str:
    """Return the reason."""
    return drop.why


def _about(drop: Drop) -> tuple[Oid, ...]:
    """Return the dropped records."""
    return drop.records


def _other_ids(drop: Drop) -> Iterator[Oid]:
    """Yield the ids that are known of redacted records."""
    for entry in drop.redacted:
        yield entry.record
        yield from entry.parents
        if entry.keep is not None:
            yield entry.keep


def _columns(drop: Drop) -> dict[str, Any]:
    """Return the redacted records, each with its parents after a colon."""
    entries = (f"{entry.record}:{','.join(map(str, entry.parents))}" for entry in drop.redacted)
    return {"redacted": tuple(entries)}


DROP = RecordKind(
    Drop,
    words=_words,
    title=_title,
    decode=_decode,
    about=_about,
    other_ids=_other_ids,
    columns=_columns,
)
