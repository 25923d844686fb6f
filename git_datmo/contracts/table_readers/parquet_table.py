"""Read Parquet in batches, with the types that the file has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from git_datmo.contracts.column_types import name_physical
from git_datmo.contracts.table_readers.column_statistics import (
    ColumnStatistics,
    unite_statistics,
)
from git_datmo.contracts.table_readers.csv_table import check_names
from git_datmo.contracts.table_readers.table_batches import (
    BadRows,
    Batch,
    UnreadableTable,
    load_library,
)

ROWS = 32_768
# A row group that unpacks to so much, and to so many times its size, is not made of data.
UNPACKED, RATIO = 1 << 30, 200


class ParquetTable:
    """Table in a Parquet file."""

    is_text = False

    def __init__(self, path: str, shown: str) -> None:
        self.path = path
        self.shown = shown
        self.bad_rows = BadRows()
        self._parquet = load_library("pyarrow.parquet", shown)
        self.schema = self._guarded(lambda: self._parquet.read_schema(path))
        self._names: tuple[str, ...] = tuple(self.schema.names)
        check_names(self._names, shown)
        self.names: tuple[str, ...] | None = self._names
        self.physical_types = {f.name: name_physical(plain_type(f.type)) for f in self.schema}

    def batches(self) -> Iterator[Batch]:
        """Yield the rows in order. Raise `UnreadableTable` for a broken file."""
        row = 1
        for batch in self.record_batches():
            columns = {
                name: self._guarded(lambda array=array: plain_column(array))
                for name, array in zip(self._names, batch.columns, strict=True)
            }
            yield Batch(row, batch.num_rows, columns)
            row += batch.num_rows

    def record_batches(
        self, rows: int = ROWS, names: Sequence[str] | None = None, encoded: Sequence[str] = ()
    ) -> Iterator[Any]:
        """Yield the rows as batches of pyarrow. Raise `UnreadableTable` for a broken file.

        `names` are the columns to read: all if it is None. The columns `encoded` are arrays of
        dictionaries, so a long text that is repeated takes its memory once.
        """
        file = self._guarded(
            lambda: self._parquet.ParquetFile(self.path, read_dictionary=list(encoded))
        )
        with file:
            self._check_expansion(file.metadata)
            batches = file.iter_batches(batch_size=rows, columns=names, use_threads=True)
            while (batch := self._guarded(lambda: next(batches, None))) is not None:
                yield batch

    def count_rows(self) -> int:
        """Return the number of rows that the file says it has; no row is read."""
        with self._guarded(lambda: self._parquet.ParquetFile(self.path)) as file:
            return int(file.metadata.num_rows)

    def statistics(self) -> dict[str, ColumnStatistics]:
        """Return the statistics of the columns that have them in all row groups; no row is read."""
        with self._guarded(lambda: self._parquet.ParquetFile(self.path)) as file:
            found: dict[str, ColumnStatistics]
            found = self._guarded(lambda: unite_statistics(file.metadata))
        return found

    def _check_expansion(self, metadata: Any) -> None:
        """Raise `UnreadableTable` for a file that expands to far more than its size."""
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            columns = [group.column(index) for index in range(group.num_columns)]
            packed = sum(column.total_compressed_size for column in columns)
            if group.total_byte_size > max(UNPACKED, RATIO * packed):
                raise UnreadableTable(f"'{self.shown}' expands to far more than its size")

    def _guarded(self, read: Any) -> Any:
        """Call a function of pyarrow; raise `UnreadableTable` for its errors."""
        import pyarrow as pa

        try:
            return read()
        except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
            detail = (str(error) or type(error).__name__).splitlines()[0][:200]
            raise UnreadableTable(f"'{self.shown}' is not readable Parquet: {detail}") from error


def plain_type(kind: Any) -> Any:
    """Return a type of pyarrow without dictionaries and large offsets."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return plain_type(kind.value_type)
    if pa.types.is_large_string(kind) or str(kind) == "string_view":
        return pa.string()
    return kind


def is_nested(kind: Any) -> bool:
    """Return True for a type of pyarrow whose values have parts, as lists do."""
    import pyarrow as pa

    return bool(pa.types.is_nested(kind))


def plain_column(array: Any) -> Any:
    """Return an array of a flat type, or a list of Python values for a nested one."""
    kind = array.type
    if is_nested(kind):
        return array.to_pylist()
    wanted = plain_type(kind)
    return array if wanted == kind else array.cast(wanted)
