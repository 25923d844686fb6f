"""Describe a column in one pass over all of its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from git_datmo.contracts.column_types import find_logical
from git_datmo.contracts.contract_types import LogicalType
from git_datmo.contracts.nested_values import ValueSummary, unite_types
from git_datmo.contracts.text_values import TEXT_TYPES, find_wrong_text

MOST_DISTINCT = 50
# Of many distinct values in the first rows, no batch is counted in full.
TRIAL_ROWS = 2_000
TEXT_DATES = ("date", "timestamp", "time")


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """Facts about all values of a column.

    `distinct` are the values if they are at most 50, else None. `minimum` and `maximum` are those
    of finite numbers. Lengths are characters of text.
    """

    name: str
    logical_type: LogicalType
    physical_type: str
    rows: int
    nulls: int
    absent: int
    infinite: int
    minimum: int | float | None
    maximum: int | float | None
    distinct: tuple[str, ...] | None
    min_length: int | None
    max_length: int | None
    nested: ValueSummary | None = None


class ColumnSummary:
    """Growing summary of a column."""

    def __init__(self, name: str, *, is_text: bool, physical_type: str = "") -> None:
        self.name = name
        self._is_text = is_text
        self._physical = physical_type
        # Types that all text so far is written in.
        self._candidates = list(TEXT_TYPES if is_text else TEXT_DATES)
        self._types: set[str] = set()
        self._nested: ValueSummary | None = None
        self.rows = self._nulls = self._absent = self._infinite = 0
        self._minimum: int | float | None = None
        self._maximum: int | float | None = None
        self._distinct: set[str] | None = set()
        self._lengths: tuple[int, int] | None = None
        self._texts = 0

    def add_missing(self, rows: int) -> None:
        """Count rows of earlier batches that lack the field."""
        self.rows += rows
        self._absent += rows

    def add(self, column: Any, absent: int = 0) -> None:
        """Take a column of a batch into account; `absent` of its nulls lack the field."""
        self.rows += len(column)
        self._absent += absent
        self._nulls -= absent
        if isinstance(column, list):
            self._add_values(column)
            return
        nulls = column.null_count
        self._nulls += nulls
        # A batch of nulls alone says nothing of the type.
        if nulls == len(column):
            return
        kind = find_logical(column.type)
        if kind == "string":
            self._add_text(column)
        elif kind in ("integer", "number"):
            self._types.add(kind)
            self._add_numbers(column)
        else:
            self._types.add(kind)

    def finish(self) -> ColumnProfile:
        """Return the profile of all that was added."""
        types = set(self._types)
        if self._texts:
            # Narrower types come first in the list: text of integers is text of numbers too.
            types.add(self._candidates[0] if self._candidates else "string")
        if self._nested is not None:
            types |= self._nested.types
        kind = unite_types(types)
        return ColumnProfile(
            name=self.name,
            logical_type=kind,
            physical_type=self._physical,
            rows=self.rows,
            nulls=self._nulls,
            absent=self._absent,
            infinite=self._infinite,
            minimum=self._minimum if kind in ("integer", "number") else None,
            maximum=self._maximum if kind in ("integer", "number") else None,
            distinct=None if self._distinct is None else tuple(sorted(self._distinct)),
            min_length=self._lengths[0] if self._lengths and kind == "string" else None,
            max_length=self._lengths[1] if self._lengths and kind == "string" else None,
            nested=self._nested if kind in ("object", "array") else None,
        )

    def _add_values(self, values: list[Any]) -> None:
        """Take Python values into account."""
        self._distinct = None
        before = self._nested.nulls if self._nested else 0
        self._nested = self._nested or ValueSummary()
        for value in values:
            self._nested.add(value)
            if isinstance(value, int | float) and not isinstance(value, bool):
                self._widen(value, value)
        self._nulls += self._nested.nulls - before

    def _add_text(self, column: Any) -> None:
        """Take text into account: its possible types, its lengths and distinct values."""
        from pyarrow import compute

        self._texts += 1
        self._candidates = [
            kind for kind in self._candidates if find_wrong_text(column, kind) is None
        ]
        lengths = compute.min_max(compute.utf8_length(column))
        low, high = lengths["min"].as_py(), lengths["max"].as_py()
        before = self._lengths or (low, high)
        self._lengths = min(low, before[0]), max(high, before[1])
        self._count_distinct(column)
        if self._is_text and {"integer", "number"} & set(self._candidates):
            self._add_text_numbers(column)

    def _add_text_numbers(self, column: Any) -> None:
        """Take the range of numbers that are written as text into account."""
        from git_datmo.contracts.text_values import convert_text

        kind = "integer" if "integer" in self._candidates else "number"
        values, _ = convert_text(column, kind)
        if not isinstance(values, list):
            self._add_range(values)
            return
        for value in values:
            if isinstance(value, int):
                self._widen(value, value)

    def _add_numbers(self, column: Any) -> None:
        """Take numbers into account. NaN counts as null, as data frames write it."""
        from pyarrow import compute, types

        # Only text can become an enumeration.
        self._distinct = None
        if types.is_floating(column.type):
            self._nulls += compute.sum(compute.is_nan(column)).as_py() or 0
        self._add_range(column)

    def _add_range(self, column: Any) -> None:
        """Take the range of finite numbers into account, and count infinite ones."""
        from pyarrow import compute, types

        if types.is_floating(column.type):
            infinite = compute.sum(compute.is_inf(column)).as_py() or 0
            self._infinite += infinite
            column = column.filter(compute.is_finite(column))
        ends = compute.min_max(column)
        low, high = ends["min"].as_py(), ends["max"].as_py()
        if low is not None and not types.is_decimal(column.type):
            self._widen(low, high)

    def _widen(self, low: float, high: float) -> None:
        """Widen the range by two numbers."""
        import math

        if not (math.isfinite(low) and math.isfinite(high)):
            return
        self._minimum = low if self._minimum is None else min(low, self._minimum)
        self._maximum = high if self._maximum is None else max(high, self._maximum)

    def _count_distinct(self, column: Any) -> None:
        """Add the distinct values, until there are too many."""
        for part in (column.slice(0, TRIAL_ROWS), column):
            if self._distinct is None:
                return
            self._distinct.update(value for value in part.unique().to_pylist() if value is not None)
            if len(self._distinct) > MOST_DISTINCT:
                self._distinct = None
