"""Read CSV as columns of text with pyarrow's streaming reader.

Every value stays as it is written, so `001` is not 1 and 2^53+1 keeps its last digit. A cell
without quotes that is empty, or that says `NA` in one of the usual spellings, is null.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from typing import Any

from git_datmo.contracts.table_readers.table_batches import (
    MOST_COLUMNS,
    BadRows,
    Batch,
    UnreadableTable,
    load_library,
)

NULLS = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "None")
# pyarrow holds many blocks at a time. A row must fit into one, so larger blocks are the exception.
BLOCKS = (1 << 20, 4 << 20)
HEADER = 1 << 20
SCAN = 1 << 20
SAMPLE_TEXT = 80


class CsvTable:
    """Table in a CSV or TSV file, whose first row is the header."""

    is_text = True

    def __init__(self, path: str, shown: str) -> None:
        self.path = path
        self.shown = shown
        self.bad_rows = BadRows()
        self.physical_types: dict[str, str] = {}
        self._csv = load_library("pyarrow.csv", shown)
        self._delimiter, self._names = read_header(path, shown)
        self.names: tuple[str, ...] | None = self._names
        self._row = 0

    def batches(self) -> Iterator[Batch]:
        """Yield the rows in order. Raise `UnreadableTable` for a broken file."""
        import pyarrow as pa

        has_quotes = self._scan_bytes()
        self._row = 0
        for size in BLOCKS:
            try:
                yield from self._read_rows(size, has_newlines=has_quotes)
            except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
                if size == BLOCKS[-1] or not _is_long_row(str(error)):
                    raise UnreadableTable(_explain(str(error), self.shown)) from error
            else:
                return

    def _read_rows(self, size: int, *, has_newlines: bool) -> Iterator[Batch]:
        """Yield the rows that were not yielded yet, in blocks of `size` bytes."""
        known = self._row
        row = 0
        self.bad_rows.clear()
        with self._open(size, has_newlines=has_newlines) as reader:
            # Python and pyarrow must split the header alike, or values go to wrong columns.
            if tuple(reader.schema.names) != self._names:
                raise UnreadableTable(f"the header of '{self.shown}' is not a row of CSV")
            for whole in reader:
                batch = whole.slice(min(max(0, known - row), whole.num_rows))
                row += whole.num_rows
                if batch.num_rows:
                    columns = dict(zip(self._names, batch.columns, strict=True))
                    yield Batch(self._row + 1, batch.num_rows, columns)
                    self._row += batch.num_rows

    def _scan_bytes(self) -> bool:
        """Return whether the file has quotes. Raise `UnreadableTable` for a NUL byte."""
        has_quotes = False
        offset = 0
        with open(self.path, "rb", buffering=0) as file:
            while block := file.read(SCAN):
                nul = block.find(b"\0")
                if nul >= 0:
                    where = f"at byte {offset + nul}"
                    raise UnreadableTable(f"'{self.shown}' is not CSV: it has a NUL byte {where}")
                has_quotes = has_quotes or b'"' in block
                offset += len(block)
        return has_quotes

    def _open(self, size: int, *, has_newlines: bool) -> Any:
        """Open pyarrow's reader with all columns as text, and blocks of `size` bytes."""
        import pyarrow as pa

        text = dict.fromkeys(self._names, pa.string())
        return self._csv.open_csv(
            self.path,
            read_options=self._csv.ReadOptions(block_size=size),
            parse_options=self._csv.ParseOptions(
                delimiter=self._delimiter,
                # Only quotes can hold a newline, and looking for them costs half the speed.
                newlines_in_values=has_newlines,
                # An empty line is a row if there is only one column.
                ignore_empty_lines=len(self._names) > 1,
                invalid_row_handler=self._skip_row,
            ),
            convert_options=self._csv.ConvertOptions(
                column_types=text,
                null_values=list(NULLS),
                strings_can_be_null=True,
                # Quotes tell an empty text from a missing value.
                quoted_strings_can_be_null=False,
            ),
        )

    def _skip_row(self, row: Any) -> str:
        """Count a row with too few or too many fields, and skip it."""
        # pyarrow counts the header as a row, and gives no number where it reads in parallel.
        detail = f"{row.actual_columns} fields instead of {row.expected_columns}"
        text = (row.text or "")[:SAMPLE_TEXT]
        self.bad_rows.add(row.number - 1 if row.number else 0, f"{detail}: {text}")
        return "skip"


def read_header(path: str, shown: str) -> tuple[str, tuple[str, ...]]:
    """Return the delimiter and the names of the columns; `shown` is the path in messages.

    Raise `UnreadableTable` for a file that does not begin with names.
    """
    with open(path, "rb") as file:
        head = file.readline(HEADER)
    if not head:
        raise UnreadableTable(f"'{shown}' is empty: a CSV file begins with the names of columns")
    if len(head) == HEADER and not head.endswith(b"\n"):
        raise UnreadableTable(f"the first line of '{shown}' is longer than 1 MiB")
    try:
        line = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableTable(f"'{shown}' is not UTF-8") from error
    delimiter = "\t" if os.path.splitext(path)[1] == ".tsv" else _find_delimiter(line)
    try:
        names = tuple(next(csv.reader([line], delimiter=delimiter)))
    except (csv.Error, StopIteration) as error:
        raise UnreadableTable(f"the header of '{shown}' is not a row of CSV") from error
    check_names(names, shown)
    return delimiter, names


def _find_delimiter(line: str) -> str:
    """Return the delimiter of a header: a comma, unless it has only semicolons or tabs."""
    if "," in line:
        return ","
    return max(",;\t", key=line.count)


def check_names(names: tuple[str, ...], shown: str) -> None:
    """Raise `UnreadableTable` for too many names, or one that occurs twice."""
    if len(names) > MOST_COLUMNS:
        raise UnreadableTable(f"'{shown}' has {len(names)} columns; at most {MOST_COLUMNS} work")
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise UnreadableTable(f"'{shown}' has two columns named '{name}'")
        seen.add(name)


def _is_long_row(error: str) -> bool:
    """Return whether an error of pyarrow's reader says that a row does not fit into a block."""
    return "straddl" in error or "block size" in error


def _explain(error: str, shown: str) -> str:
    """Return a message for an error of pyarrow's reader."""
    if _is_long_row(error):
        return f"'{shown}' has a row longer than {BLOCKS[-1] >> 20} MiB, or a quote that never ends"
    if "UTF8" in error or "UTF-8" in error:
        return f"'{shown}' is not UTF-8"
    return f"'{shown}' is not CSV: {error.splitlines()[0][:200]}"
