"""Read the statistics of columns from the footer of a Parquet file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """Facts about all values of a column, as its file states them.

    `nulls` is None if a row group does not count them. `minimum` and `maximum` are None if a row
    group does not have them, and for values that are not numbers.
    """

    nulls: int | None
    minimum: int | float | None
    maximum: int | float | None


def unite_statistics(metadata: Any) -> dict[str, ColumnStatistics]:
    """Return the statistics of each flat column of a Parquet file, from pyarrow's metadata."""
    found: dict[str, list[ColumnStatistics]] = {}
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for index in range(group.num_columns):
            column = group.column(index)
            # A member of a nested value has a name that is only the end of its path.
            if metadata.schema.column(index).name == column.path_in_schema:
                found.setdefault(column.path_in_schema, []).append(_read(column))
    return {name: _unite(parts) for name, parts in found.items()}


def _read(column: Any) -> ColumnStatistics:
    """Return the statistics of a column in a row group."""
    stated = column.statistics if column.is_stats_set else None
    if stated is None:
        return ColumnStatistics(None, None, None)
    low, high = (stated.min, stated.max) if stated.has_min_max else (None, None)
    nulls = stated.null_count if stated.has_null_count else None
    return ColumnStatistics(nulls, _as_number(low), _as_number(high))


def _as_number(value: Any) -> int | float | None:
    """Return a number; None for any other value."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else None


def _unite(parts: list[ColumnStatistics]) -> ColumnStatistics:
    """Return the statistics of all row groups."""
    nulls = [part.nulls for part in parts if part.nulls is not None]
    lows = [part.minimum for part in parts if part.minimum is not None]
    highs = [part.maximum for part in parts if part.maximum is not None]
    return ColumnStatistics(
        nulls=sum(nulls) if len(nulls) == len(parts) else None,
        minimum=min(lows) if len(lows) == len(parts) else None,
        maximum=max(highs) if len(highs) == len(parts) else None,
    )
