"""Check and describe values that no flat column holds: objects, arrays, and mixed types."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from git_datmo.contracts.contract_types import Field, LogicalType
from git_datmo.contracts.value_rules import ValueRules, find_number_rules

# Values, each with the row that it is in.
Rows = list[tuple[int, Any]]
TIME_TYPES = ("date", "timestamp", "time")
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


class NestedCheck:
    """Check of Python values against a field, with its members and elements.

    Scalars are gathered by their type and checked as a column is. `rules` are those of a column.
    """

    def __init__(self, wanted: Field) -> None:
        self._field = wanted
        self.rules = ValueRules(wanted)
        self._members = tuple((member, NestedCheck(member)) for member in wanted.fields)
        self._items = NestedCheck(wanted.items) if wanted.items is not None else None

    def find(self, values: Rows) -> Iterator[tuple[str, int]]:
        """Yield the names of broken rules, each with the row of a value that breaks it.

        A row has several values if they are elements of its array.
        """
        scalars: dict[type, Rows] = {}
        objects: Rows = []
        arrays: Rows = []
        for row, value in values:
            if is_null(value):
                if self._field.is_required:
                    yield "required", row
            elif not _has_type(value, self._field.logical_type):
                yield "type", row
            elif isinstance(value, dict):
                objects.append((row, value))
            elif isinstance(value, list | tuple):
                arrays.append((row, value))
            else:
                scalars.setdefault(type(value), []).append((row, value))
        for kind, group in scalars.items():
            yield from self._find_in_scalars(kind, group)
        if self._field.enum is not None:
            # The values of an enumeration are scalars.
            yield from (("enum", row) for row, _ in (*objects, *arrays))
        yield from self._find_in_objects(objects)
        yield from self._find_in_arrays(arrays)

    def unchecked(self) -> Iterator[tuple[str, str]]:
        """Yield the names of rules that cannot be checked, each with the reason."""
        yield from self.rules.unchecked.items()
        for member, check in self._members:
            yield from ((f"{member.name}.{rule}", why) for rule, why in check.unchecked())
        if self._items is not None:
            yield from ((f"items.{rule}", why) for rule, why in self._items.unchecked())

    def _find_in_scalars(self, kind: type, values: Rows) -> Iterator[tuple[str, int]]:
        """Yield the broken rules of scalars of one type of Python."""
        from pyarrow import compute

        array = _make_array(kind, [value for _, value in values])
        if array is None:
            for row, value in values:
                yield from ((rule, row) for rule in _find_alone(value, self._field))
            return
        wrong = None
        if kind is str and self._field.logical_type in TIME_TYPES:
            from git_datmo.contracts.text_values import convert_text

            array, wrong = convert_text(array, self._field.logical_type)
        masks = [("type", wrong)] if wrong is not None else []
        for rule, mask in (*masks, *self.rules.find(array)):
            indices = compute.indices_nonzero(compute.fill_null(mask, False))
            yield from ((rule, values[index][0]) for index in indices.to_pylist())

    def _find_in_objects(self, values: Rows) -> Iterator[tuple[str, int]]:
        """Yield the rules that the members of objects break."""
        for member, check in self._members:
            if not member.is_optional:
                for row, value in values:
                    if member.name not in value:
                        yield f"{member.name}.present", row
            found = [(row, value[member.name]) for row, value in values if member.name in value]
            yield from ((f"{member.name}.{rule}", row) for rule, row in check.find(found))

    def _find_in_arrays(self, values: Rows) -> Iterator[tuple[str, int]]:
        """Yield the rules that arrays and their elements break."""
        least, most = self._field.min_items, self._field.max_items
        for row, value in values:
            if least is not None and len(value) < least:
                yield "minItems", row
            if most is not None and len(value) > most:
                yield "maxItems", row
        if self._items is not None:
            elements = [(row, each) for row, value in values for each in value]
            yield from ((f"items.{rule}", row) for rule, row in self._items.find(elements))


def _has_type(value: Any, logical_type: str) -> bool:
    """Return whether a value is of a logical type. Text of dates and times is not looked at."""
    found = logical_type_of(value)
    if not logical_type or found == logical_type:
        return True
    if logical_type == "number":
        return found == "integer"
    if logical_type == "integer":
        # A whole floating-point number counts as an integer, as in a flat column.
        return isinstance(value, float) and value.is_integer()
    if logical_type in TIME_TYPES and found == "string":
        return True
    # Parquet's maps are lists of pairs.
    return logical_type == "object" and isinstance(value, list)


def _make_array(kind: type, values: list[Any]) -> Any:
    """Return an array of scalars of one type of Python; None if Arrow does not hold them."""
    import datetime as dt

    import pyarrow as pa

    kinds = {
        bool: pa.bool_(),
        int: pa.int64(),
        float: pa.float64(),
        str: pa.string(),
        dt.datetime: pa.timestamp("us", tz="UTC"),
        dt.date: pa.date32(),
        dt.time: pa.time64("us"),
        bytes: pa.binary(),
    }
    try:
        return pa.array(values, kinds[kind]) if kind in kinds else None
    except UnicodeEncodeError:
        # JSON may have half of a surrogate pair. It counts as one character.
        return pa.array([value.encode("utf-8", "replace").decode() for value in values])
    except (pa.ArrowException, OverflowError):
        return None


def _find_alone(value: Any, wanted: Field) -> Iterator[str]:
    """Yield the rules that a value breaks which Arrow does not hold with others of its type."""
    if isinstance(value, int | Decimal):
        yield from find_number_rules(value, wanted)
    elif wanted.enum is not None and value not in wanted.enum:
        yield "enum"


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
