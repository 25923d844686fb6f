"""Sample the values of a table's fields while its rows are read, to profile the fields."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from git_datmo.contracts.contract_types import Field, Table
from git_datmo.contracts.profile_values import MOST_CHARACTERS, profile_values
from git_datmo.contracts.table_readers.table_batches import Batch
from git_datmo.records.field_profile import FieldProfile

# Up to so many rows are profiled in full; of more rows, at least half as many.
MOST_ROWS = 10_000
# A record holds the profiles, and so many fields of a table are enough to see that data changed.
MOST_FIELDS = 100
PROFILED_TYPES = ("integer", "number", "string", "boolean")


class SampledFields:
    """Values of evenly chosen rows of a table, whose files are read one after the other.

    Of each run of as many rows, one row is chosen at random. Equal data have equal samples.
    """

    def __init__(self, table: Table) -> None:
        self._fields = [field for field in table.fields if is_profiled(field)][:MOST_FIELDS]
        self._values: dict[str, list[Any]] = {field.name: [] for field in self._fields}
        self._random = Random(0)  # noqa: S311 - no secret
        self._chosen = 0
        # One of so many rows is chosen.
        self._stride = 1
        # Rows of earlier batches, and the next row that is chosen.
        self._rows = self._next = 0

    def add(self, batch: Batch) -> None:
        """Choose rows of a batch, and keep their values."""
        if not self._fields:
            return
        end = self._rows + batch.rows
        while self._next < end:
            indices: list[int] = []
            while self._next < end and self._chosen < MOST_ROWS:
                indices.append(self._next - self._rows)
                self._chosen += 1
                self._choose_next()
            for name, values in self._values.items():
                values.extend(_take(batch.columns.get(name), indices))
            if self._chosen == MOST_ROWS:
                self._thin()
        self._rows = end

    def profiles(self) -> Iterator[tuple[str, FieldProfile]]:
        """Yield the name and the profile of each field."""
        for field in self._fields:
            values = self._values[field.name]
            if field.logical_type in ("integer", "number"):
                values = [_to_number(value) for value in values]
            profile = profile_values(values)
            if profile is not None:
                yield field.name, profile

    def _choose_next(self) -> None:
        """Choose a row of the next run of rows."""
        self._next = self._chosen * self._stride + int(self._random.random() * self._stride)

    def _thin(self) -> None:
        """Keep one row of each two neighbours, and choose half as many from now on."""
        kept = [index + int(self._random.random() * 2) for index in range(0, self._chosen, 2)]
        for name, values in self._values.items():
            self._values[name] = [values[index] for index in kept]
        self._chosen = len(kept)
        self._stride *= 2
        self._choose_next()


def is_profiled(field: Field) -> bool:
    """Return whether the distribution of a field's values says that data changed.

    Keys and times differ in all new data. The values of a classified field stay out of records.
    """
    if field.is_key or field.is_unique or field.classification not in ("", "public"):
        return False
    return field.logical_type in PROFILED_TYPES


def _take(column: Any, indices: list[int]) -> list[Any]:
    """Return the values of a batch's column at some rows; None where the batch lacks the field."""
    if column is None:
        return [None] * len(indices)
    if isinstance(column, list):
        taken = [column[index] for index in indices]
    else:
        import pyarrow as pa

        taken = column.take(pa.array(indices, pa.int64())).to_pylist()
    # The end of a long text is of no use, and needs memory.
    return [value[: MOST_CHARACTERS + 1] if isinstance(value, str) else value for value in taken]


def _to_number(value: Any) -> float | int | None:
    """Return a number that may be written as text; None for other values."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None
