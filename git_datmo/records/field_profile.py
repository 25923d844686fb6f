"""Profiles of fields: how values are distributed, in a few numbers that a record can hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from git_datmo.records.record_fields import decode_fields


@dataclass(frozen=True, slots=True)
class FieldProfile:
    """Distribution of the values of a field.

    `rows` is the number of values, of which `missing` are null or no finite number.

    Numbers have `edges` in ascending order. The first of `counts` counts the numbers up to the
    first edge, each later one those above the edge before it and up to its own. The last edge is
    the maximum. `is_discrete` says that the edges are all values that occur.

    Other values have `categories`, the most frequent texts, with their `counts`. A last count
    is that of all other texts.
    """

    rows: int
    missing: int
    edges: tuple[int | float, ...]
    is_discrete: bool
    categories: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def is_numeric(self) -> bool:
        """Return whether the values are numbers."""
        return bool(self.edges)


def decode_field_profile(raw: Any) -> FieldProfile:
    """Return the profile that an object of a record describes."""
    lists = ("edges", "categories", "counts")
    found: FieldProfile = decode_fields(FieldProfile, raw, {key: tuple(raw[key]) for key in lists})
    return found
