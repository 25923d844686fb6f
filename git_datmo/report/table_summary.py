"""Summarise a table in text: the kind, bounds and distribution of each column, and a sample."""

from __future__ import annotations

import csv
import json
import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from git_datmo.report.table_shapes import text_lines, wide_fields

BINS = 20
SAMPLE = 50
COLUMNS_LIMIT = 200
ROWS_LIMIT = 200_000
CELLS_LIMIT = 5_000_000
"""Values that are read at most, which bounds the memory and the seconds of a wide table."""
CELL_LIMIT = 200
DISTINCT_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column. `type` is `number`, `text`, `flag`, `mixed` or `nested`.

    `distinct` counts up to `DISTINCT_LIMIT` values. Bounds, mean and bins are those of finite
    numbers. A nested column is read for the sample alone, so its counts are None.
    """

    name: str
    type: str
    missing: int | None
    distinct: int | None
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    bins: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TableSummary:
    """Rows of a table, its columns, and its first rows as text.

    `is_cut` is True if the table has more rows or columns than were read.
    """

    rows: int
    columns: tuple[TableColumn, ...]
    sample: tuple[tuple[str, ...], ...]
    is_cut: bool


@dataclass(slots=True)
class _Cells:
    """Values of a column while a table is read."""

    numbers: array[float] = field(default_factory=lambda: array("d"))
    missing: int = 0
    texts: int = 0
    distinct: set[str] = field(default_factory=set)

    def add(self, text: str) -> None:
        if text == "" or text.lower() in ("na", "null", "none"):
            self.missing += 1
            return
        # Bounded in number and length, since a column can have any number of long texts.
        if len(self.distinct) < DISTINCT_LIMIT:
            self.distinct.add(text[:CELL_LIMIT])
        try:
            self.numbers.append(float(text))
        except ValueError:
            self.texts += 1


def summarise_table(pieces: Iterable[bytes]) -> TableSummary | None:
    """Return the summary of CSV, TSV, JSON Lines, or a JSON object with `columns` and `rows`.

    The content tells which one it is. Returns None for anything else.
    """
    try:
        with wide_fields():
            names, rows = _read(text_lines(pieces))
            return _summarise(names, rows)
    except (ValueError, TypeError, KeyError, AttributeError, csv.Error, RecursionError):
        return None


def _read(lines: Iterator[str]) -> tuple[list[str], Iterator[Sequence[str]]]:
    """Return the names of the columns, and the rows."""
    first = next((line for line in lines if line.strip()), "")
    if not first:
        raise ValueError("empty")
    every = chain([first], lines)
    if first.lstrip()[:1] != "{":
        tabs = first.count("\t") > first.count(",")
        rows = csv.reader(every, delimiter="\t" if tabs else ",")
        return next(rows), (row for row in rows if row)
    try:
        document = json.loads(first)
    except ValueError:
        # The object takes several lines.
        document = json.loads("".join(every))
        every = chain(())
    if set(document) == {"columns", "rows"}:
        names = [str(name) for name in document["columns"]]
        return names, ([_text(cell) for cell in row] for row in document["rows"])
    keys = list(document)
    objects = (json.loads(line) for line in every if line.strip())
    return keys, ([_text(each.get(key)) for key in keys] for each in objects)


def _text(cell: Any) -> str:
    """Return a cell of JSON as text."""
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else json.dumps(cell)


def _summarise(names: Sequence[str], rows: Iterable[Sequence[str]]) -> TableSummary:
    """Return the summary of rows."""
    shown = list(names[:COLUMNS_LIMIT])
    cells = [_Cells() for _ in shown]
    sample: list[tuple[str, ...]] = []
    count = 0
    most = most_rows(len(shown))
    is_cut = len(names) > COLUMNS_LIMIT
    for row in rows:
        if count >= most:
            is_cut = True
            break
        count += 1
        if len(sample) < SAMPLE:
            sample.append(tuple(cell[:CELL_LIMIT] for cell in row[:COLUMNS_LIMIT]))
        for index, column in enumerate(cells):
            column.add(row[index] if index < len(row) else "")
    columns = [_column(name[:CELL_LIMIT], each) for name, each in zip(shown, cells, strict=True)]
    return TableSummary(count, tuple(columns), tuple(sample), is_cut)


def _column(name: str, cells: _Cells) -> TableColumn:
    """Return the summary of a column."""
    kind = "text" if not cells.numbers else "mixed" if cells.texts else "number"
    if cells.distinct and {text.lower() for text in cells.distinct} <= {"true", "false"}:
        kind = "flag"
    column = TableColumn(name, kind, cells.missing, len(cells.distinct))
    return add_distribution(column, cells.numbers) if kind == "number" else column


def most_rows(columns: int) -> int:
    """Return how many rows are read at most of a table with so many shown columns."""
    return min(ROWS_LIMIT, CELLS_LIMIT // max(columns, 1))


def add_distribution(column: TableColumn, numbers: Iterable[float]) -> TableColumn:
    """Return a column with the bounds, mean and bins of its finite numbers."""
    finite = array("d", filter(math.isfinite, numbers))
    if not finite:
        return column
    low, high = min(finite), max(finite)
    return replace(column, min=low, max=high, mean=_mean(finite), bins=_bins(finite, low, high))


def _mean(numbers: Sequence[float]) -> float:
    """Return the mean of finite numbers."""
    try:
        return math.fsum(numbers) / len(numbers)
    except OverflowError:
        return math.fsum(number / len(numbers) for number in numbers)


def _bins(numbers: Sequence[float], low: float, high: float) -> tuple[int, ...]:
    """Return how many numbers are in each of `BINS` intervals of equal width."""
    width = high - low
    # The difference of two finite numbers can be too large for a float.
    if not width or not math.isfinite(width):
        return (len(numbers),)
    counts = [0] * BINS
    for number in numbers:
        counts[min(int((number - low) / width * BINS), BINS - 1)] += 1
    return tuple(counts)
