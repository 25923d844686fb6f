"""Decode fields of records from JSON documents that were validated before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from functools import cache
from operator import itemgetter
from typing import Any

from git_datmo.model import Content, Form, Oid, Payload, Role
from git_datmo.records.record_values import LATER, MORE


def decode_fields(made: Any, raw: Mapping[str, Any], changed: Mapping[str, Any]) -> Any:
    """Return an instance of the dataclass `made`; ignore keys of a later version.

    `changed` has the fields whose values differ from the JSON values in `raw`.
    """
    in_order, later = _keys(made)
    return made(*in_order({**later, **raw, **changed}))


@cache
def _keys(made: Any) -> tuple[Callable[[Mapping[str, Any]], tuple[Any, ...]], Mapping[str, Any]]:
    """Return a getter for the fields of a dataclass.

    The second value has the defaults of the fields that were added later.
    """
    keys = [f for f in fields(made) if MORE not in f.metadata]
    return itemgetter(*(f.name for f in keys)), {
        f.name: f.metadata[LATER] for f in keys if LATER in f.metadata
    }


def decode_content(raw: Mapping[str, Any]) -> Content:
    """Return the content that an object of a document describes."""
    return Content(Oid.parse(raw["object"]), Form(raw["form"]), raw["size"], raw["files"])


def decode_optional_content(raw: Mapping[str, Any] | None) -> Content | None:
    """Return the content that an object of a document describes, or None for null."""
    return None if raw is None else decode_content(raw)


def decode_payloads(raw: Iterable[Mapping[str, Any]]) -> tuple[Payload, ...]:
    """Return the payloads in a list of a document."""
    return tuple(Payload(e["path"], Role(e["role"]), decode_content(e)) for e in raw)


def decode_oids(raw: Iterable[str]) -> tuple[Oid, ...]:
    """Return the ids in a list of a document."""
    return tuple(map(Oid.parse, raw))
