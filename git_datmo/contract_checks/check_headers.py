"""Check the headers of tables against the contracts that are bound to them. No row is read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from git_datmo.contract_checks.check_file import FileCheck, without_ports
from git_datmo.contract_checks.check_paths import bound_paths
from git_datmo.contracts.check_schema import check_schema
from git_datmo.contracts.check_statistics import check_statistics
from git_datmo.contracts.check_values import choose_table, find_logical_types
from git_datmo.contracts.contract_types import Contract, Finding, Table
from git_datmo.contracts.table_readers.csv_table import read_header
from git_datmo.contracts.table_readers.open_table import suffix_of
from git_datmo.contracts.table_readers.parquet_table import ParquetTable
from git_datmo.contracts.table_readers.table_batches import UnreadableTable


def check_headers(
    root: Path, contracts: Iterable[Contract], paths: Sequence[str]
) -> Iterator[FileCheck]:
    """Yield the check of each CSV and Parquet file at or below `paths` that a contract is bound to.

    Of CSV, the names of the columns are read; of Parquet, their types and statistics, too. Raises
    `MissingLibrary` for Parquet if pyarrow is not installed.
    """
    known = list(contracts)
    for within in paths:
        for contract, path in bound_paths(root, known, within):
            full = os.path.join(root, path)
            table = choose_table(without_ports(contract, path), path)
            if table is not None and os.path.isfile(full):
                yield FileCheck(contract, path, tuple(_check_file(contract, table, full, path)))


def _check_file(contract: Contract, table: Table, full: str, path: str) -> Iterator[Finding]:
    """Yield the findings of a file's header; nothing for a format without a header."""
    try:
        if suffix_of(path) in (".csv", ".tsv"):
            _, names = read_header(full, path)
            yield from check_schema(contract, table, names, {}, {})
        elif suffix_of(path) in (".parquet", ".pq"):
            yield from _check_parquet(contract, table, ParquetTable(full, path))
    except UnreadableTable as error:
        yield Finding("refuse", "readable", contract.id, table.name, "", error.what, (), 1)


def _check_parquet(contract: Contract, table: Table, reader: ParquetTable) -> Iterator[Finding]:
    """Yield the differences of columns, types and statistics of a Parquet file."""
    logical = find_logical_types(reader)
    yield from check_schema(contract, table, reader.names or (), reader.physical_types, logical)
    yield from check_statistics(contract, table, reader.statistics())
