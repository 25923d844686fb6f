"""Tests of models: the verdict of `git datmo test`, and the results that it follows from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from git_datmo.model import Oid
from git_datmo.records.record_fields import decode_fields
from git_datmo.records.record_kind import Document, RecordKind
from git_datmo.records.record_values import KeptObject, Person, Value, more_field
from git_datmo.sizes import show_count

ADVISORY = "advisory"


@dataclass(frozen=True, slots=True)
class RecordedResult:
    """Result of one test of a model.

    `kind` is `contract`, `gate`, `pytest` or `cost`. `outcome` is `passed`, `failed`, `undecided`
    or `advisory`; an advisory result decides nothing.
    """

    kind: str
    name: str
    outcome: str
    message: str


@dataclass(frozen=True, slots=True)
class ModelTest:
    """Result of testing the model of a snapshot.

    `champion` is the snapshot that it was compared with, None for none. `engine` describes the
    engine that both ran in.
    """

    snapshot: Oid
    commit: Oid
    created: str
    author: Person
    champion: Oid | None
    engine: Mapping[str, Value]
    verdict: str
    results: tuple[RecordedResult, ...]
    more: tuple[KeptObject, ...] = more_field()

    kind = "test"

    @property
    def counts(self) -> Counter[str]:
        """Return how many results have each outcome; advisory ones are left out."""
        return Counter(each.outcome for each in self.results if each.outcome != ADVISORY)


def _decode(document: Document) -> dict[str, Any]:
    """Return the fields of a test that are not plain JSON values."""
    champion = document["champion"]
    return {
        "snapshot": Oid.parse(document["snapshot"]),
        "champion": None if champion is None else Oid.parse(champion),
        "results": tuple(decode_fields(RecordedResult, raw, {}) for raw in document["results"]),
    }


def _words(test: ModelTest) -> tuple[str, str]:
    """Return the verdict and its author."""
    return (f"{test.verdict}: {show_count(test.counts.total(), 'test')}", f"by {test.author.name}")


def _title(test: ModelTest) -> str:
    """Return the verdict."""
    return test.verdict


def _about(test: ModelTest) -> tuple[Oid]:
    """Return the snapshot whose model was tested."""
    return (test.snapshot,)


def _other_ids(test: ModelTest) -> tuple[Oid, ...]:
    """Return the champion, if there is one."""
    return () if test.champion is None else (test.champion,)


MODEL_TEST = RecordKind(
    ModelTest, words=_words, title=_title, decode=_decode, about=_about, other_ids=_other_ids
)
