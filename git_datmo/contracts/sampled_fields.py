"""Sample the values of a table's fields while its rows are read, to profile the fields."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from git_datmo.contracts.contract_types import Field, Table
from git_datmo.contracts.even_sample import EvenSample
from git_datmo.contracts.profile_values import MOST_CHARACTERS, profile_values
from git_datmo.contracts.table_readers.table_batches import Batch
from git_datmo.records.field_profile import FieldProfile

# A record holds the profiles, and so many fields of a table are enough to see that data changed.
MOST_FIELDS = 100
PROFILED_TYPES = ("integer", "number", "string", "boolean")


class SampledFields:
    """Values of evenly chosen rows of a table, whose files are read one after the other.

    Each array of a file has a sample of its own. A row of it is an index of the first dimension,
    and gives one value, since the values of a row often resemble each other.
    """

    def __init__(self, table: Table) -> None:
        self._fields = [field for field in table.fields if is_profiled(field)][:MOST_FIELDS]
        self._sample = EvenSample(field.name for field in self._fields)
        self._arrays: dict[str, EvenSample] = {}

    def add(self, batch: Batch) -> None:
        """Choose rows of a batch, and keep their values."""
        if self._fields:
            columns = batch.columns
            self._sample.add(batch.rows, lambda name, rows: _take(columns.get(name), rows))

    def add_array(self, field: Field, block: Any, row_size: int) -> None:
        """Choose values of a block of an array in NumPy, whose rows have `row_size` values."""
        if not may_be_profiled(field):
            return
        sample = self._arrays.get(field.name)
        if sample is None:
            if len(self._arrays) == MOST_FIELDS:
                return
            sample = self._arrays[field.name] = EvenSample((field.name,), max(1, row_size))
        sample.add(len(block), lambda _, indices: block[indices].tolist())

    def profiles(self) -> Iterator[tuple[str, FieldProfile]]:
        """Yield the name and the profile of each field, of at most `MOST_FIELDS`."""
        found = ((name, profile_values(values)) for name, values in self._samples())
        yield from islice(((name, each) for name, each in found if each), MOST_FIELDS)

    def _samples(self) -> Iterator[tuple[str, list[Any]]]:
        """Yield the name and the chosen values of each field: arrays first, then columns."""
        for name, sample in self._arrays.items():
            yield name, sample.values[name]
        for field in self._fields:
            values = self._sample.values[field.name]
            if field.logical_type in ("integer", "number"):
                values = [_to_number(value) for value in values]
            # A field of an array file is no column.
            if field.name not in self._arrays:
                yield field.name, values


def is_profiled(field: Field) -> bool:
    """Return whether the distribution of a column's values says that data changed."""
    return may_be_profiled(field) and field.logical_type in PROFILED_TYPES


def may_be_profiled(field: Field) -> bool:
    """Return whether a profile may have values of a field.

    Keys differ in all new data. The values of a classified field stay out of records.
    """
    return not field.is_key and not field.is_unique and field.classification in ("", "public")


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
