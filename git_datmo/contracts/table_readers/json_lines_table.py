"""Read JSON Lines: one object a line. Integers of any size, and absent fields, stay apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from git_datmo.contracts.table_readers.table_batches import (
    MOST_COLUMNS,
    Absences,
    BadRows,
    Batch,
    UnreadableTable,
    load_library,
)

LONGEST_LINE = 16 << 20
BATCH_BYTES = 2 << 20
# Up to this number, each integer is a float64 of its own.
EXACT = 1 << 53
SAMPLE_TEXT = 80
Row = dict[str, Any]


class JsonLinesTable:
    """Table in a JSON Lines file."""

    is_text = False
    names: tuple[str, ...] | None = None

    def __init__(self, path: str, shown: str) -> None:
        self.path = path
        self.shown = shown
        self.bad_rows = BadRows()
        self.physical_types: dict[str, str] = {}
        load_library("pyarrow", shown)
        self._seen: dict[str, None] = {}

    def batches(self) -> Iterator[Batch]:
        """Yield the rows in order. Raise `UnreadableTable` for a line that is too long."""
        first, rows, size = 1, [], 0
        for number, line in enumerate(self._lines(), 1):
            rows.append(self._parse(number, line))
            size += len(line)
            if size >= BATCH_BYTES:
                yield self._make_batch(first, rows)
                first, rows, size = number + 1, [], 0
        if rows:
            yield self._make_batch(first, rows)

    def _lines(self) -> Iterator[bytes]:
        """Yield the lines that are not blank."""
        with open(self.path, "rb") as file:
            while line := file.readline(LONGEST_LINE + 1):
                if len(line) > LONGEST_LINE:
                    longest = f"{LONGEST_LINE >> 20} MiB"
                    raise UnreadableTable(f"'{self.shown}' has a line longer than {longest}")
                if line.strip():
                    yield line

    def _parse(self, number: int, line: bytes) -> Row:
        """Return the object of a line; count it as bad and return an empty one if it is none."""
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return value
        self.bad_rows.add(number, line[:SAMPLE_TEXT].decode("utf-8", "replace").rstrip("\n"))
        # An empty row keeps the numbers of the rows after it right.
        return {}

    def _make_batch(self, first: int, rows: list[Row]) -> Batch:
        """Return rows as columns. A field of earlier batches is a column too."""
        for row in rows:
            self._seen.update(dict.fromkeys(row))
        if len(self._seen) > MOST_COLUMNS:
            raise UnreadableTable(
                f"'{self.shown}' has more than {MOST_COLUMNS} fields; a row may have other keys"
            )
        columns = {name: make_column([row.get(name) for row in rows]) for name in self._seen}
        absent = {}
        for name in self._seen:
            lacking = [index for index, row in enumerate(rows) if name not in row]
            if lacking:
                absent[name] = Absences(len(lacking), first + lacking[0])
        return Batch(first, len(rows), columns, absent)


def make_column(values: list[Any]) -> Any:
    """Return an array of pyarrow for values of one flat type, else the list itself."""
    import pyarrow as pa

    kinds = {type(value) for value in values} - {type(None)}
    if kinds == {int, float}:
        numbers = [value for value in values if type(value) is int]
        if max(map(abs, numbers)) < EXACT:
            return pa.array(values, pa.float64())
        return values
    arrow = {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    arrow[str] = pa.string()
    if not kinds:
        return pa.nulls(len(values))
    kind = kinds.pop()
    if kinds or kind not in arrow:
        return values
    try:
        return pa.array(values, arrow[kind])
    # pyarrow has no type for integers above 64 bits, nor for a lone surrogate.
    except (pa.ArrowException, OverflowError, UnicodeError, ValueError):
        return values
