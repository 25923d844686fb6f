"""Define the entry of a record kind in the registry.

An entry has everything that differs by kind. A kind's module has its dataclass and its entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from git_datmo.model import Oid
from git_datmo.records.record_values import KeptObject

R = TypeVar("R")
Document = Mapping[str, Any]


def _nothing(_: object) -> tuple[()]:
    """Return no value."""
    return ()


def _no_text(_: object) -> str:
    """Return no text."""
    return ""


def _no_fields(_: object) -> dict[str, Any]:
    """Return no field."""
    return {}


def _accept(_: object) -> None:
    """Accept a document."""


@dataclass(frozen=True, slots=True)
class RecordKind(Generic[R]):
    """Kind of record: its dataclass, and functions of one of its records or documents.

    - `words` are the words of its note line.
    - `title` is the text that names it in a list, on one or more lines.
    - `decode` returns the fields whose values differ from the JSON values of a validated document.
      The codec decodes `commit` and `author`.
    - `check` raises `Damaged` for a document that the schema accepts and that is invalid.
    - `objects` are the objects that its keys name, in any order.
    - `about` are the records that it refers to.
    - `other_ids` are ids that it names besides its commit, its objects and `about`.
    - `columns` are fields of its row in the catalog that only this kind has.
    """

    made: type[R]
    words: Callable[[R], Iterable[str]]
    title: Callable[[R], str] = _no_text
    decode: Callable[[Document], Mapping[str, Any]] = _no_fields
    check: Callable[[Document], None] = _accept
    objects: Callable[[R], Iterable[KeptObject]] = _nothing
    about: Callable[[R], Iterable[Oid]] = _nothing
    other_ids: Callable[[R], Iterable[Oid]] = _nothing
    columns: Callable[[R], Mapping[str, Any]] = _no_fields
