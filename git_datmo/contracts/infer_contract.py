"""Infer a contract from data: all rows are read, and every row passes the contract."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from git_datmo.contracts.column_profile import ColumnProfile, ColumnSummary
from git_datmo.contracts.contract_types import Contract, Field, Table
from git_datmo.contracts.table_readers.table_batches import TableReader, UnreadableTable

FIRST_VERSION = "1.0.0"
# Text with few values, each of which occurs often, is a category.
MOST_CATEGORIES = 20
FEWEST_ROWS_OF_CATEGORY = 10


def profile_tables(
    readers: Iterable[tuple[str, TableReader]],
) -> tuple[ColumnProfile, ...]:
    """Read all rows of tables with the same columns, and return the profiles of the columns.

    Raise `UnreadableTable` for a row that has too few or too many fields.
    """
    summaries: dict[str, ColumnSummary] = {}
    rows = 0
    for shown, reader in readers:
        # A file without rows has columns all the same.
        for name in reader.names or ():
            summaries.setdefault(name, _start_summary(name, reader, rows))
        for batch in reader.batches():
            for name, column in batch.columns.items():
                if name not in summaries:
                    summaries[name] = _start_summary(name, reader, rows)
                absent = batch.absent.get(name)
                summaries[name].add(column, absent.count if absent else 0)
            rows += batch.rows
            # Rows of this batch lack the fields that only other batches or files have.
            for summary in summaries.values():
                if summary.rows < rows:
                    summary.add_missing(rows - summary.rows)
        _refuse_bad_rows(shown, reader)
    return tuple(summary.finish() for summary in summaries.values())


def infer_table(name: str, profiles: tuple[ColumnProfile, ...], *, ranges: bool = False) -> Table:
    """Return a table that allows all data of the profiles.

    With `ranges`, numbers and lengths have the bounds of the data.
    """
    return Table(name, fields=tuple(_infer_field(each, ranges=ranges) for each in profiles))


def make_contract(name: str, paths: tuple[str, ...], tables: tuple[Table, ...]) -> Contract:
    """Return a new contract of paths. Its file is not written."""
    file = f"contracts/{name}.odcs.yaml"
    return Contract(name, name, FIRST_VERSION, "draft", paths, tables, file=file)


def name_after(path: str) -> str:
    """Return the name of a contract for a path: its last component without suffix."""
    base = os.path.basename(path.rstrip("/"))
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", base.split(".")[0]).strip("-")
    return stem or "data"


def _start_summary(name: str, reader: TableReader, rows: int) -> ColumnSummary:
    """Return the summary of a column that `rows` earlier rows lack."""
    physical = reader.physical_types.get(name, "")
    summary = ColumnSummary(name, is_text=reader.is_text, physical_type=physical)
    if rows:
        summary.add_missing(rows)
    return summary


def _refuse_bad_rows(shown: str, reader: TableReader) -> None:
    """Raise `UnreadableTable` if the reader skipped rows."""
    bad = reader.bad_rows
    if bad.count:
        row, text = bad.samples[0]
        where = f"row {row}" if row else "one"
        rows = "1 row is" if bad.count == 1 else f"{bad.count} rows are"
        raise UnreadableTable(
            f"{rows} malformed in '{shown}'; {where} has {text!r}",
            "repair the file, then infer the contract again",
        )


def _infer_field(profile: ColumnProfile, *, ranges: bool) -> Field:
    """Return a field that allows all values of a profile."""
    # Data without a single value say nothing of nulls.
    is_required = profile.nulls == 0 and profile.rows > profile.absent
    if profile.nested is not None:
        nested = profile.nested.to_field(profile.name)
        return _replace(nested, is_required=is_required, is_optional=profile.absent > 0)
    field = Field(
        profile.name,
        logical_type=profile.logical_type,
        physical_type=profile.physical_type,
        is_required=is_required,
        is_optional=profile.absent > 0,
        enum=_infer_enum(profile),
    )
    if not ranges:
        return field
    # With an infinite value, no bound on either side is known to hold for all data.
    is_finite = not profile.infinite
    return _replace(
        field,
        minimum=profile.minimum if is_finite else None,
        maximum=profile.maximum if is_finite else None,
        min_length=profile.min_length,
        max_length=profile.max_length,
    )


def _replace(field: Field, **changes: object) -> Field:
    """Return a field with changed attributes."""
    from dataclasses import replace

    return replace(field, **changes)  # type: ignore[arg-type]


def _infer_enum(profile: ColumnProfile) -> tuple[str, ...] | None:
    """Return the values of a category; None for other columns."""
    values = profile.distinct
    if profile.logical_type != "string" or not values or len(values) > MOST_CATEGORIES:
        return None
    valued = profile.rows - profile.nulls - profile.absent
    return values if valued >= FEWEST_ROWS_OF_CATEGORY * len(values) else None
