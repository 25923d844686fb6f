"""Values that records of several kinds share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite, isnan
from typing import Any

from git_datmo.model import Content

Value = bool | int | float | str

LATER = "later"
# Marks a field without a key of its own: the codec writes it into `objects`.
MORE = "more"


def later_field(default: Callable[[], Any]) -> Any:
    """Return a field that was added after the first records were written.

    The key is missing from a record if the field has its default value.
    """
    return field(default_factory=default, metadata={LATER: default()})


def more_field() -> Any:
    """Return a field for objects of keys that only a later version knows.

    The codec writes them back into `objects`.
    """
    return field(default=(), metadata={MORE: True})


@dataclass(frozen=True, slots=True)
class KeptObject:
    """Object that a record keeps.

    `name` is the name of its entry in the record's keep commit. The name must stay the same in
    every version: for a fetch, a server omits only objects that the client has at the same path
    (git-config, `pack.useSparse`).
    """

    name: str
    content: Content


@dataclass(frozen=True, slots=True)
class Person:
    """Author of a record, from git's `user.name` and `user.email`."""

    name: str
    email: str


def show_value(value: Value) -> str:
    """Return a parameter or metric as text for people."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, float):
        return str(value)
    if isnan(value):
        return "NaN"
    if not isfinite(value):
        return "Infinity" if value > 0 else "-Infinity"
    return f"{value:.6g}"
