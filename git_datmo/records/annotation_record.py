"""Annotations: messages, tags and signatures added to records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from git_datmo.model import Oid
from git_datmo.records.record_kind import Document, RecordKind
from git_datmo.records.record_values import KeptObject, Person, later_field, more_field

TYPES = ("hypothesis", "result", "decision", "comment")
# The type of an annotation of feedback. Its message names the payload that was made of it.
TAKEN = "taken"
# A tag that people add is a word that is printed and typed without quotes.
TAG = re.compile(r"[^\W_][\w./:+@=-]{0,99}")


@dataclass(frozen=True, slots=True)
class Annotation:
    """Message added to a record, or tags.

    The record may be another annotation, which makes the message an answer. `type` is one of
    `TYPES`, `TAKEN`, or '' for none. `tags` are added to the record, and `untags` are taken away. A
    `signature` is a signed commit that names the record (`history/record_signatures.py`).
    """

    record: Oid
    commit: Oid
    created: str
    author: Person
    message: str
    signature: str = later_field(str)
    type: str = later_field(str)
    tags: tuple[str, ...] = later_field(tuple)
    untags: tuple[str, ...] = later_field(tuple)
    more: tuple[KeptObject, ...] = more_field()

    kind = "annotation"


def _decode(document: Document) -> dict[str, Any]:
    """Return the fields of an annotation that are not plain JSON values."""
    return {
        "record": Oid.parse(document["record"]),
        "tags": tuple(document.get("tags", ())),
        "untags": tuple(document.get("untags", ())),
    }


def _words(annotation: Annotation) -> Iterator[str]:
    """Yield the type, the message and the tags."""
    if annotation.type:
        yield f"{annotation.type}:"
    if annotation.message:
        yield annotation.message
    yield from (f"+{tag}" for tag in annotation.tags)
    yield from (f"-{tag}" for tag in annotation.untags)


def _title(annotation: Annotation) -> str:
    """Return the message."""
    return annotation.message


def _about(annotation: Annotation) -> tuple[Oid]:
    """Return the record that it is added to."""
    return (annotation.record,)


def _columns(annotation: Annotation) -> dict[str, Any]:
    """Return the tags that it adds and takes away, each with its sign, as a JSON list.

    Added tags that no `git datmo tag` writes are left out. Tags of other trackers, which can be
    taken away, have any characters.
    """
    signed = [f"+{tag}" for tag in annotation.tags if TAG.fullmatch(tag)]
    signed += (f"-{tag}" for tag in annotation.untags)
    return {"tags": json.dumps(signed) if signed else ""}


ANNOTATION = RecordKind(
    Annotation, words=_words, title=_title, decode=_decode, about=_about, columns=_columns
)
