"""Summarise a Parquet file: the kind, bounds and distribution of each column, and a sample.

Of a nested column, only the rows of the sample are read. A file of any form takes bounded memory:
batches are small, and a repeated text is stored once.
"""

from __future__ import annotations

import json
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from git_datmo.contracts.table_readers.parquet_table import (
    ParquetTable,
    is_nested,
    plain_column,
    plain_type,
)
from git_datmo.contracts.table_readers.table_batches import UnreadableTable
from git_datmo.report.table_shapes import limited_pieces
from git_datmo.report.table_summary import (
    CELL_LIMIT,
    COLUMNS_LIMIT,
    DISTINCT_LIMIT,
    SAMPLE,
    TableColumn,
    TableSummary,
    add_distribution,
    most_rows,
)
from git_datmo.sizes import show_count

_MAGIC = b"PAR1"
_BATCH_BYTES = 32 << 20
_BATCH_ROWS = 32_768
_AT_ONCE = 10
"""Columns that are read together. Each has buffers and a dictionary in memory."""
_ITEMS = (50, 10, 5)
"""Items of a nested value that the sample shows at most, by depth; deeper ones are not shown."""


def is_parquet(start: bytes) -> bool:
    """Return True for the beginning of a Parquet file."""
    return start.startswith(_MAGIC)


def summarise_parquet(pieces: Iterable[bytes]) -> TableSummary | None:
    """Return the summary of a Parquet file; None for one that is broken or too large.

    Raises `DatmoError` without pyarrow.
    """
    try:
        with tempfile.NamedTemporaryFile(prefix="git-datmo-") as file:
            # A reader of Parquet begins at the end of the file.
            file.writelines(limited_pieces(pieces))
            file.flush()
            return _summarise(ParquetTable(file.name, "this file"))
    # pyarrow raises `ArrowNotImplementedError` for a type or encoding that it cannot read.
    except (UnreadableTable, ValueError, NotImplementedError):
        return None


@dataclass(slots=True)
class _Column:
    """A flat column while its batches are read."""

    name: str
    type: str
    missing: int = 0
    numbers: array[float] = field(default_factory=lambda: array("d"))
    distinct: set[str] = field(default_factory=set)

    def add(self, values: Any) -> None:
        """Take a batch of values: an array of pyarrow."""
        self.missing += values.null_count
        if self.type == "number":
            floats = plain_column(values).drop_null().cast("float64", safe=False)
            self.numbers.extend(floats.to_pylist())
        if len(self.distinct) < DISTINCT_LIMIT:
            self._count(_encode(values))

    def _count(self, values: Any) -> None:
        """Count distinct values, one by one, since each can be long."""
        for index in values.indices.unique().drop_null():
            self.distinct.add(_text(values.dictionary[index.as_py()]))
            if len(self.distinct) >= DISTINCT_LIMIT:
                return

    def summary(self) -> TableColumn:
        """Return the summary of all batches."""
        column = TableColumn(self.name[:CELL_LIMIT], self.type, self.missing, len(self.distinct))
        return add_distribution(column, self.numbers)


def _summarise(table: ParquetTable) -> TableSummary:
    """Return the summary of a table."""
    fields = list(table.schema)[:COLUMNS_LIMIT]
    rows = table.count_rows()
    count = min(rows, most_rows(len(fields)))
    names = [each.name for each in fields]
    cells = [_read_sample(table, some) for some in _groups(names)]
    sample = tuple(zip(*chain.from_iterable(cells), strict=True))
    flat = {
        each.name: _Column(each.name, _kind(plain_type(each.type)))
        for each in fields
        if not is_nested(each.type)
    }
    for some in _groups(list(flat)):
        _read_columns(table, [flat[name] for name in some], count)
    summaries = tuple(
        flat[each.name].summary()
        if each.name in flat
        else TableColumn(each.name[:CELL_LIMIT], "nested", None, None)
        for each in fields
    )
    return TableSummary(count, summaries, sample, count < rows or len(fields) < len(table.schema))


def _kind(type_: Any) -> str:
    """Return the kind of a flat type of pyarrow."""
    import pyarrow as pa

    if pa.types.is_boolean(type_):
        return "flag"
    is_number = pa.types.is_integer(type_) or pa.types.is_floating(type_)
    return "number" if is_number or pa.types.is_decimal(type_) else "text"


def _groups(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the names of columns that are read together."""
    for start in range(0, len(names), _AT_ONCE):
        yield names[start : start + _AT_ONCE]


def _read_sample(table: ParquetTable, names: Sequence[str]) -> list[list[str]]:
    """Return the first values of each column as text."""
    columns: list[list[str]] = [[] for _ in names]
    for batch in _batches(table, names, SAMPLE):
        rest = SAMPLE - len(columns[0])
        for name, cells in zip(names, columns, strict=True):
            cells.extend(map(_text, batch.column(name).slice(0, rest)))
        if len(columns[0]) == SAMPLE:
            break
    return columns


def _read_columns(table: ParquetTable, columns: Sequence[_Column], count: int) -> None:
    """Read so many rows of flat columns."""
    names = [column.name for column in columns]
    width = sum(_width(table.schema.field(name).type) for name in names)
    rest = count
    for batch in _batches(table, names, min(_BATCH_ROWS, _BATCH_BYTES // width or 1)):
        for column in columns:
            column.add(batch.column(column.name).slice(0, rest))
        rest -= min(rest, batch.num_rows)
        if not rest:
            break


def _batches(table: ParquetTable, names: Sequence[str], rows: int) -> Iterator[Any]:
    """Yield batches of columns; texts and bytes are arrays of dictionaries."""
    import pyarrow as pa

    types = {name: table.schema.field(name).type for name in names}
    encoded = [name for name, type_ in types.items() if type_ in (pa.string(), pa.binary())]
    return table.record_batches(rows, names, encoded)


def _width(type_: Any) -> int:
    """Return the bytes that a value takes in an array; those of texts lie in a dictionary."""
    try:
        return max(int(type_.bit_width) // 8, 8)
    except ValueError:
        return 8


def _encode(values: Any) -> Any:
    """Return an array of pyarrow with its values in a dictionary."""
    import pyarrow as pa

    if pa.types.is_dictionary(values.type):
        return values
    return plain_column(values).dictionary_encode()


def _text(scalar: Any) -> str:
    """Return a value of pyarrow as text of limited length; '' for a missing one."""
    value = _shorten(scalar, 0)
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return text[:CELL_LIMIT]


def _shorten(scalar: Any, depth: int) -> Any:
    """Return a value of pyarrow as JSON has it, without most of its parts if it has many."""
    import pyarrow as pa

    if not scalar.is_valid:
        return None
    most = _ITEMS[depth] if depth < len(_ITEMS) else 0
    if isinstance(scalar, pa.StructScalar):
        return {name: _shorten(part, depth + 1) for name, part in [*scalar.items()][:most]}
    if is_nested(scalar.type):
        return [_shorten(part, depth + 1) for part in scalar.values[:most]]
    return _plain(scalar)


def _plain(scalar: Any) -> Any:
    """Return a flat value as JSON has it."""
    try:
        value = scalar.as_py()
    except (ValueError, OverflowError):
        # Python has no times of nanoseconds, nor of the year 10000.
        value = scalar.cast("string").as_py()
    if isinstance(value, bytes):
        return show_count(len(value), "byte")
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, int | float) else str(value)[:CELL_LIMIT]
