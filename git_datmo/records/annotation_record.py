"""Annotations: messages and signatures added to records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from git_datmo.model import Oid
from git_datmo.records.record_kind import Document, RecordKind
from git_datmo.records.record_values import KeptObject, Person, later_field, more_field


@dataclass(frozen=True, slots=True)
class Annotation:
    """Message added to a record.

    A `signature` is a signed commit that names the record (`history/record_signatures.py`).
    """

    record: Oid
    commit: Oid
    created: str
    author: Person
    message: str
    signature: str = later_field(str)
    more: tuple[KeptObject, ...] = more_field()

    kind = "annotation"


def _decode(document: Document) -> dict[str, Any]:
    """Return the field of an annotation that is not a plain JSON value."""
    return {"record": Oid.parse(document["record"])}


def _words(annotation: Annotation) -> tuple[str]:
    """Return the message."""
    return (annotation.message,)


def _title(annotation: Annotation) -> str:
    """Return the message."""
    return annotation.message


def _about(annotation: Annotation) -> tuple[Oid]:
    """Return the record that it is added to."""
    return (annotation.record,)


ANNOTATION = RecordKind(Annotation, words=_words, title=_title, decode=_decode, about=_about)
