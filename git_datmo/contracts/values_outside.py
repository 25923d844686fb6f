"""Collect the values of a column that an enumeration does not have."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from git_datmo.contracts.check_column import is_text_of
from git_datmo.contracts.column_profile import MOST_DISTINCT
from git_datmo.contracts.column_types import find_logical, fits_logical
from git_datmo.contracts.contract_types import Field, Value
from git_datmo.contracts.enumerations import Enumeration
from git_datmo.contracts.table_readers.table_batches import TableReader
from git_datmo.contracts.text_values import convert_text


def values_outside(wanted: Field, readers: Iterable[TableReader]) -> tuple[Value, ...] | None:
    """Read tables, and return the values of a field outside its enumeration, sorted.

    None if they are more than 50, or if the field has mixed or nested values. Values of another
    type than the field's are left out, as are NaN and infinite numbers.
    """
    enumeration = Enumeration(wanted)
    found: set[Any] = set()
    for reader in readers:
        for batch in reader.batches():
            column = batch.columns.get(wanted.name)
            if column is None:
                continue
            values = _typed(column, wanted, is_text=reader.is_text)
            if isinstance(values, list):
                return None
            if values is not None:
                mask = enumeration.find_others(values)
                found.update(values.filter(mask).unique().to_pylist())
            if len(found) > MOST_DISTINCT:
                return None
    # Files of one contract may have a column in several types, which have no common order.
    ordered = sorted(found, key=lambda value: (type(value).__name__, value))
    return tuple(_plain(value) for value in ordered if not _is_nan(value))


def _typed(column: Any, wanted: Field, *, is_text: bool) -> Any:
    """Return a column in the type of its field; None if it has another one."""
    if isinstance(column, list):
        return column
    if is_text_of(column, wanted, is_text=is_text):
        values, _ = convert_text(column, wanted.logical_type)
        return values
    kind = find_logical(column.type)
    # A batch of nulls alone has no type.
    return column if kind and fits_logical(kind, wanted.logical_type) else None


def _is_nan(value: Any) -> bool:
    """Return whether a value is NaN, which counts as null, or infinite, which no file can say."""
    return isinstance(value, float) and not math.isfinite(value)


def _plain(value: Any) -> Value:
    """Return a value as a contract's file has it."""
    if isinstance(value, date | time | datetime):
        return value.isoformat()
    if isinstance(value, float):
        return Decimal(repr(value))
    plain: Value = value
    return plain
