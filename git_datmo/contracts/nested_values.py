"""Check and describe values that no flat column holds: objects, arrays, and mixed types."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from git_datmo.contracts.contract_types import Field, LogicalType

# Deeper nesting is no data, and costs a frame of the interpreter's stack for each level.
DEEPEST = 64


def logical_type_of(value: object) -> LogicalType:
    """Return the logical type of a Python value; empty for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float | Decimal):
        return "number"
    if isinstance(value, dict):
        return "object"
    return "array" if isinstance(value, list | tuple) else _scalar_type(value)


def _scalar_type(value: object) -> LogicalType:
    """Return the logical type of text, a date or a time."""
    import datetime as dt

    if isinstance(value, dt.datetime):
        return "timestamp"
    if isinstance(value, dt.date):
        return "date"
    return "time" if isinstance(value, dt.time) else "string"


def is_null(value: object) -> bool:
    """Return whether a value is null, or NaN, which data frames write for null."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def find_broken_rules(value: Any, wanted: Field, depth: int = 0) -> Iterator[str]:
    """Yield the rules of a field that a Python value breaks."""
    if is_null(value):
        if wanted.is_required:
            yield "required"
        return
    if depth > DEEPEST:
        yield "depth"
        return
    if not _has_type(value, wanted.logical_type):
        yield "type"
        return
    yield from _find_scalar_rules(value, wanted)
    if isinstance(value, dict) and wanted.fields:
        yield from _find_member_rules(value, wanted, depth)
    elif isinstance(value, list | tuple):
        yield from _find_item_rules(value, wanted, depth)


def _has_type(value: Any, logical_type: str) -> bool:
    """Return whether a value is of a logical type."""
    found = logical_type_of(value)
    if not logical_type or found == logical_type:
        return True
    if logical_type == "number":
        return found == "integer"
    if logical_type == "integer":
        # A whole floating-point number counts as an integer, as in a flat column.
        return isinstance(value, float) and value.is_integer()
    if logical_type in ("date", "timestamp", "time") and found == "string":
        return _is_text_of(str(value), logical_type)
    # Parquet's maps are lists of pairs.
    return logical_type == "object" and isinstance(value, list)


def _is_text_of(text: str, logical_type: str) -> bool:
    """Return whether a text is a date or time."""
    import pyarrow as pa

    from git_datmo.contracts.text_values import find_wrong_text

    return find_wrong_text(pa.array([text]), logical_type) is None


def _find_scalar_rules(value: Any, wanted: Field) -> Iterator[str]:
    """Yield the rules of ranges, lengths and enumerations that a value breaks."""
    if wanted.enum is not None and value not in wanted.enum:
        yield "enum"
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        yield from _find_range_rules(value, wanted)
    if isinstance(value, str):
        if wanted.min_length is not None and len(value) < wanted.min_length:
            yield "minLength"
        if wanted.max_length is not None and len(value) > wanted.max_length:
            yield "maxLength"


def _find_range_rules(value: float | Decimal, wanted: Field) -> Iterator[str]:
    """Yield the rules of ranges that a number breaks."""
    low, high = wanted.minimum, wanted.maximum
    if isinstance(low, int | float | Decimal) and (
        value < low or (wanted.is_minimum_exclusive and value == low)
    ):
        yield "minimum"
    if isinstance(high, int | float | Decimal) and (
        value > high or (wanted.is_maximum_exclusive and value == high)
    ):
        yield "maximum"
    step = wanted.multiple_of
    if step and math.isfinite(value) and Decimal(str(value)) % step:
        yield "multipleOf"


def _find_member_rules(value: dict[str, Any], wanted: Field, depth: int) -> Iterator[str]:
    """Yield the rules that the members of an object break."""
    for member in wanted.fields:
        if member.name in value:
            for rule in find_broken_rules(value[member.name], member, depth + 1):
                yield f"{member.name}.{rule}"
        elif not member.is_optional:
            yield f"{member.name}.present"


def _find_item_rules(
    value: list[Any] | tuple[Any, ...], wanted: Field, depth: int
) -> Iterator[str]:
    """Yield the rules that an array and its elements break."""
    if wanted.min_items is not None and len(value) < wanted.min_items:
        yield "minItems"
    if wanted.max_items is not None and len(value) > wanted.max_items:
        yield "maxItems"
    if wanted.items is None:
        return
    # A rule counts once for a row, however many elements break it.
    rules = {
        f"items.{rule}"
        for each in value
        for rule in find_broken_rules(each, wanted.items, depth + 1)
    }
    yield from sorted(rules)


@dataclass(slots=True)
class ValueSummary:
    """Types of Python values, with those of their members and elements."""

    types: set[str] = field(default_factory=set)
    count: int = 0
    nulls: int = 0
    members: dict[str, ValueSummary] = field(default_factory=dict)
    objects: int = 0
    items: ValueSummary | None = None

    def add(self, value: Any, depth: int = 0) -> None:
        """Take a value into account."""
        self.count += 1
        if is_null(value):
            self.nulls += 1
            return
        self.types.add(logical_type_of(value))
        if depth > DEEPEST:
            return
        if isinstance(value, dict):
            self.objects += 1
            for name, member in value.items():
                self.members.setdefault(str(name), ValueSummary()).add(member, depth + 1)
        elif isinstance(value, list | tuple):
            self.items = self.items or ValueSummary()
            for each in value:
                self.items.add(each, depth + 1)

    @property
    def logical_type(self) -> LogicalType:
        """Return the logical type of all values; empty if they have several."""
        return unite_types(self.types)

    def to_field(self, name: str) -> Field:
        """Return a field that allows all values seen."""
        kind = self.logical_type
        if kind == "object" and len(self.members) <= MOST_MEMBERS:
            members = tuple(
                # A member that is not in each object is optional.
                _as_optional(member.to_field(key), is_optional=member.count < self.objects)
                for key, member in self.members.items()
            )
            return Field(name, logical_type=kind, is_required=not self.nulls, fields=members)
        if kind == "array" and self.items is not None and self.items.count:
            items = self.items.to_field("")
            return Field(name, logical_type=kind, is_required=not self.nulls, items=items)
        return Field(name, logical_type=kind, is_required=bool(self.count) and not self.nulls)


# An object with more keys is a map from keys of data, not a structure.
MOST_MEMBERS = 200


def _as_optional(member: Field, *, is_optional: bool) -> Field:
    """Return a field that may be absent, or must not be."""
    from dataclasses import replace

    return replace(member, is_optional=is_optional)


def unite_types(types: set[str]) -> LogicalType:
    """Return the logical type that holds values of all these types; empty if none does."""
    found = types - {""}
    if found == {"integer", "number"}:
        return "number"
    if len(found) != 1:
        return ""
    only: Any = next(iter(found))
    name: LogicalType = only
    return name
