"""Check all rows of a table against a contract, in one pass and bounded memory."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator
from dataclasses import dataclass

from git_datmo.contracts.check_column import ColumnCheck
from git_datmo.contracts.check_schema import check_schema
from git_datmo.contracts.contract_types import Contract, Finding, LogicalType, Table
from git_datmo.contracts.quality_counts import TableCounts
from git_datmo.contracts.sampled_fields import SampledFields
from git_datmo.contracts.table_readers.table_batches import Absences, Batch, TableReader
from git_datmo.sizes import show_count


@dataclass(frozen=True, slots=True)
class TableResult:
    """Findings of a table, and the number of its rows."""

    findings: tuple[Finding, ...]
    rows: int


def choose_table(contract: Contract, path: str) -> Table | None:
    """Return the table of a contract that describes the file at `path`.

    A table names its file by `physicalName`, or by its name without suffix. The only table of a
    contract describes all its files. None if the contract has no table for the file.
    """
    for has_name in (_has_physical_name, _has_name):
        for table in contract.tables:
            if has_name(table, path):
                return table
    return contract.tables[0] if len(contract.tables) == 1 else None


def is_named_for(table: Table, path: str) -> bool:
    """Return whether the name or the `physicalName` of a table is that of the file at `path`."""
    return _has_physical_name(table, path) or _has_name(table, path)


def _has_physical_name(table: Table, path: str) -> bool:
    """Return whether the `physicalName` of a table, which may be a pattern, is that of a file."""
    pattern = table.physical_name
    return bool(pattern) and (pattern in _names(path) or fnmatch.fnmatchcase(path, pattern))


def _has_name(table: Table, path: str) -> bool:
    """Return whether the name of a table is that of a file."""
    return table.name in _names(path)[1:]


def _names(path: str) -> tuple[str, str, str]:
    """Return a path, its last component, and that without suffix."""
    base = os.path.basename(path)
    return path, base, base.split(".")[0]


def check_table(
    contract: Contract,
    table: Table,
    reader: TableReader,
    folder: str,
    sample: SampledFields | None = None,
) -> TableResult:
    """Check a table; files for long lists of keys go to `folder`, and are removed.

    Values of its rows are added to the sample. Raise `UnreadableTable` for a broken file.
    """
    schema = tuple(_check_header(contract, table, reader))
    # A column of a wrong type is reported once, not again for each value.
    skipped = {found.field for found in schema if found.rule in ("present", "type")}
    checks = [
        ColumnCheck(field, is_text=reader.is_text)
        for field in table.fields
        if field.name not in skipped
    ]
    counts = TableCounts(table, folder)
    seen: dict[str, None] = {}
    try:
        for batch in reader.batches():
            seen.update(dict.fromkeys(batch.columns))
            _check_batch(checks, batch)
            counts.add(batch)
            if sample is not None:
                sample.add(batch)
        nulls = {check.field.name: check.nulls for check in checks}
        rules = tuple(counts.findings(contract, nulls))
    finally:
        counts.close()
    values = [each for check in checks for each in check.findings(contract.id, table.name)]
    # JSON Lines has no header, so its fields are known only after the last row.
    undeclared: tuple[Finding, ...] = ()
    if reader.names is None:
        undeclared = tuple(_find_undeclared(contract, table, tuple(seen)))
    # The reader has counted all bad rows only now, after its last batch.
    malformed = tuple(_report_bad_rows(contract, table, reader))
    unchecked = tuple(_report_unchecked(contract, table))
    return TableResult((*schema, *undeclared, *malformed, *values, *rules, *unchecked), counts.rows)


def _check_header(contract: Contract, table: Table, reader: TableReader) -> Iterator[Finding]:
    """Yield the findings about columns, if the file states them before its rows."""
    if reader.names is not None:
        logical = find_logical_types(reader)
        yield from check_schema(contract, table, reader.names, reader.physical_types, logical)


def find_logical_types(reader: TableReader) -> dict[str, LogicalType]:
    """Return the logical types that a file states for its columns."""
    from git_datmo.contracts.column_types import find_logical

    schema = getattr(reader, "schema", None)
    if schema is None:
        return {}
    from git_datmo.contracts.table_readers.parquet_table import plain_type

    return {field.name: find_logical(plain_type(field.type)) for field in schema}


def _check_batch(checks: list[ColumnCheck], batch: Batch) -> None:
    """Check the columns of a batch. A field that no row has yet is absent in all of them."""
    for check in checks:
        name = check.field.name
        if name in batch.columns:
            check.add(batch.columns[name], batch.first_row, batch.absent.get(name))
        else:
            check.add_absent(batch.rows, Absences(batch.rows, batch.first_row))


def _find_undeclared(contract: Contract, table: Table, names: tuple[str, ...]) -> Iterator[Finding]:
    """Yield the fields that rows have and that a closed table does not declare."""
    for found in check_schema(contract, table, names, {}, {}):
        if found.rule == "undeclared":
            yield found


def _report_bad_rows(contract: Contract, table: Table, reader: TableReader) -> Iterator[Finding]:
    """Yield a finding for rows that have too few or too many fields."""
    bad = reader.bad_rows
    if bad.count:
        verb = "is" if bad.count == 1 else "are"
        message = f"{show_count(bad.count, 'row')} {verb} malformed"
        yield Finding(
            "refuse", "row", contract.id, table.name, "", message, tuple(bad.samples), bad.count
        )


def _report_unchecked(contract: Contract, table: Table) -> Iterator[Finding]:
    """Yield a finding for each constraint that git-datmo does not interpret."""
    for key in (*contract.unchecked, *table.unchecked):
        message = f"'{key}' is not interpreted"
        yield Finding("unchecked", key, contract.id, table.name, "", message)
    for field in table.fields:
        for key in field.unchecked:
            message = f"'{key}' is not interpreted"
            yield Finding("unchecked", key, contract.id, table.name, field.name, message)
