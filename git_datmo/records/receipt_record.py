"""Receipts: results of reruns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from git_datmo.model import Oid
from git_datmo.records.record_fields import decode_fields
from git_datmo.records.record_kind import Document, RecordKind
from git_datmo.records.record_values import KeptObject, Person, Value, later_field, more_field


@dataclass(frozen=True, slots=True)
class ReceiptDifference:
    """Metric or output, as recorded and in the rerun.

    `same` is True if they are equal or within the tolerance. `off` is the largest difference
    between two numbers in it, or None if it differs in more than numbers. `detail` describes the
    difference of an output in a line.
    """

    name: str
    recorded: Value | None
    rerun: Value | None
    same: bool
    off: float | None = later_field(lambda: None)
    detail: str = later_field(str)


@dataclass(frozen=True, slots=True)
class Cause:
    """Possible cause of a difference.

    `kind` is:

    - `package`, `python`, `machine`: another version or value,
    - `seed`: a random generator without a seed,
    - `variable`, `outside`: a variable or file that was not recorded,
    - `setting`: a variable with another value,
    - `chance`: reruns differ from each other.

    `name` is the name of the package, property, generator, variable, file, metric or output.
    `recorded` and `rerun` are the two values, None if missing. For a seed, `rerun` is the program
    that uses the generator.
    """

    kind: str
    name: str
    recorded: Value | None = None
    rerun: Value | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Result of rerunning a snapshot `reruns` times.

    If the reruns differ, the receipt has the worst result. `machine` describes the machine of the
    rerun, and `resources` its usage. `durations` are in seconds: `fetch`, `build` (the
    environment), `place` (the data), `run` and `compare`. The tag `no-contract` says that the rerun
    was asked for without a check of contracts.
    """

    snapshot: Oid
    commit: Oid
    created: str
    author: Person
    verdict: str
    exit_code: int
    seconds: float
    engine: Mapping[str, Value]
    metrics: tuple[ReceiptDifference, ...]
    outputs: tuple[ReceiptDifference, ...]
    tolerances: Mapping[str, float]
    machine: Mapping[str, Value] = later_field(dict)
    durations: Mapping[str, float] = later_field(dict)
    causes: tuple[Cause, ...] = later_field(tuple)
    reruns: int = later_field(lambda: 1)
    resources: Mapping[str, Value] = later_field(dict)
    tags: tuple[str, ...] = later_field(tuple)
    more: tuple[KeptObject, ...] = more_field()

    kind = "receipt"


def _decode(document: Document) -> dict[str, Any]:
    """Return the fields of a receipt that are not plain JSON values."""
    return {
        "snapshot": Oid.parse(document["snapshot"]),
        "metrics": _decode_differences(document["metrics"]),
        "outputs": _decode_differences(document["outputs"]),
        "causes": tuple(decode_fields(Cause, raw, {}) for raw in document.get("causes", ())),
        "tags": tuple(document.get("tags", ())),
    }


def _decode_differences(raw: Iterable[Document]) -> tuple[ReceiptDifference, ...]:
    """Return the metrics or outputs in a list of a document."""
    return tuple(decode_fields(ReceiptDifference, entry, {}) for entry in raw)


def _words(receipt: Receipt) -> tuple[str]:
    """Return the verdict and its author."""
    return (f"{receipt.verdict} by {receipt.author.name}",)


def _title(receipt: Receipt) -> str:
    """Return the verdict."""
    return receipt.verdict


def _about(receipt: Receipt) -> tuple[Oid]:
    """Return the snapshot that was rerun."""
    return (receipt.snapshot,)


RECEIPT = RecordKind(Receipt, words=_words, title=_title, decode=_decode, about=_about)
