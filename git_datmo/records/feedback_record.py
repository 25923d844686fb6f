"""Feedback: events of the model that a snapshot served, collected from the log of a server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from git_datmo.model import Content, Oid
from git_datmo.records.record_fields import decode_content
from git_datmo.records.record_kind import Document, RecordKind
from git_datmo.records.record_values import KeptObject, Person, more_field
from git_datmo.sizes import show_count, size_in_summary


@dataclass(frozen=True, slots=True)
class Feedback:
    """Events of a served snapshot, one batch of them.

    `first` and `last` are the times of the first and the last event. `predictions`, `refusals` and
    `outcomes` count the events of each type. `content` is a folder with the events.
    """

    snapshot: Oid
    commit: Oid
    created: str
    author: Person
    first: str
    last: str
    predictions: int
    refusals: int
    outcomes: int
    content: Content
    more: tuple[KeptObject, ...] = more_field()

    kind = "feedback"


def _decode(document: Document) -> dict[str, Any]:
    """Return the fields of feedback that are not plain JSON values."""
    return {
        "snapshot": Oid.parse(document["snapshot"]),
        "content": decode_content(document["content"]),
    }


def _words(feedback: Feedback) -> tuple[str, str]:
    """Return the counts and the size."""
    counts = (
        show_count(feedback.predictions, "prediction"),
        show_count(feedback.refusals, "refusal"),
        show_count(feedback.outcomes, "outcome"),
    )
    return ", ".join(counts), f"({size_in_summary(feedback.content.size)})"


def _objects(feedback: Feedback) -> tuple[KeptObject]:
    """Return the object with the events."""
    return (KeptObject("feedback", feedback.content),)


def _about(feedback: Feedback) -> tuple[Oid]:
    """Return the snapshot that was served."""
    return (feedback.snapshot,)


FEEDBACK = RecordKind(Feedback, words=_words, decode=_decode, objects=_objects, about=_about)
