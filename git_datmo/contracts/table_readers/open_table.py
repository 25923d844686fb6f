"""Open a table by the suffix of its file."""

from __future__ import annotations

import os

from git_datmo.contracts.table_readers.csv_table import CsvTable
from git_datmo.contracts.table_readers.json_lines_table import JsonLinesTable
from git_datmo.contracts.table_readers.parquet_table import ParquetTable
from git_datmo.contracts.table_readers.table_batches import TableReader

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet", ".pq", ".jsonl", ".ndjson")


def is_table(path: str) -> bool:
    """Return whether the suffix of a path is that of a table."""
    return suffix_of(path) in TABLE_SUFFIXES


def open_table(path: str, shown: str) -> TableReader:
    """Open the table at `path`, which messages name `shown`.

    Raise `UnreadableTable` for a broken file, and `DatmoError` without pyarrow.
    """
    suffix = suffix_of(path)
    if suffix in (".parquet", ".pq"):
        return ParquetTable(path, shown)
    if suffix in (".jsonl", ".ndjson"):
        return JsonLinesTable(path, shown)
    return CsvTable(path, shown)


def suffix_of(path: str) -> str:
    """Return the suffix of a path in lower case."""
    return os.path.splitext(path)[1].lower()
