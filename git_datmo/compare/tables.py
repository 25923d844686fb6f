"""Compare tables row by row: CSV and TSV by the standard library, Parquet by pyarrow."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import zip_longest
from math import isnan
from pathlib import Path
from typing import Any

from git_datmo.compare.comparison import Comparison, Tally, UnreadableFile, list_names, one_sided
from git_datmo.sizes import show_count

BATCH = 8192
UNPACKED, RATIO = 256 << 20, 100


class _Count:
    """Counts of two tables with equal column names."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = columns
        self.cells = Tally()
        self.rows = [0, 0]
        self.changed_rows = 0
        self.changed_columns: dict[str, int] = {}

    def row(self, one: Sequence[Any] | None, other: Sequence[Any] | None) -> None:
        self.rows[0] += one is not None
        self.rows[1] += other is not None
        if one is None or other is None:
            return
        changed = False
        for index, (recorded, rerun) in enumerate(zip_longest(one, other, fillvalue="")):
            gap = _gap(recorded, rerun)
            name = self.columns[index] if index < len(self.columns) else f"column {index + 1}"
            self.cells.count(1, int(gap is not None), gap or 0.0, name)
            if gap is not None:
                changed = True
                self.changed_columns[name] = self.changed_columns.get(name, 0) + 1
        self.changed_rows += changed

    def conclude(self, remark: str) -> Comparison:
        more = ""
        if self.rows[0] != self.rows[1]:
            more = f"{show_count(self.rows[0], 'row')} became {self.rows[1]}"
        done = self.cells.conclude("cells", remark, more)
        if not self.changed_rows:
            return done
        rows = show_count(self.changed_rows, "row")
        where = f"in {rows}, columns {list_names(sorted(self.changed_columns))}"
        return Comparison(f"{done.text} ({where})", done.off)


def _gap(one: Any, other: Any) -> float | None:
    """Return the distance of two cells: infinite unless both are numbers, None if equal."""
    if one == other:
        return None
    try:
        numbers = float(one), float(other)
    except (TypeError, ValueError, OverflowError):
        return float("inf")
    # A number may have several spellings.
    if numbers[0] == numbers[1] or all(map(isnan, numbers)):
        return None
    return abs(numbers[0] - numbers[1])


def compare_csv(recorded: Path, rerun: Path, *, delimiter: str = ",") -> Comparison:
    with ExitStack() as opened:
        files = [
            opened.enter_context(path.open(encoding="utf-8", newline=""))
            for path in (recorded, rerun)
        ]
        one, other = (csv.reader(file, delimiter=delimiter) for file in files)
        heads = next(one, []), next(other, [])
        if heads[0] != heads[1]:
            remark = one_sided("columns", *map(set, heads)) or "the columns are in another order"
            return Tally().conclude("cells", remark)
        # A first row of numbers is data, not a header.
        count = _Count(heads[0])
        for row, again in zip_longest(one, other):
            count.row(row, again)
        return count.conclude("")


def compare_tsv(recorded: Path, rerun: Path) -> Comparison:
    return compare_csv(recorded, rerun, delimiter="\t")


def compare_parquet(recorded: Path, rerun: Path) -> Comparison:
    from pyarrow import parquet

    with ExitStack() as opened:
        one, other = (opened.enter_context(parquet.ParquetFile(path)) for path in (recorded, rerun))
        # The footer has the unpacked sizes, so no value is read yet.
        for file, path in ((one, recorded), (other, rerun)):
            numbers = range(file.metadata.num_row_groups)
            size = sum(file.metadata.row_group(number).total_byte_size for number in numbers)
            if size > max(UNPACKED, RATIO * path.stat().st_size):
                raise UnreadableFile("it expands to far more than its size")
        schemas = one.schema_arrow, other.schema_arrow
        remark = one_sided("columns", *(set(schema.names) for schema in schemas))
        types = [
            name
            for name in schemas[0].names
            if not remark and schemas[0].field(name) != schemas[1].field(name)
        ]
        if remark or types:
            return Tally().conclude(
                "cells", remark or f"columns of another type: {list_names(types)}"
            )
        count = _Count(schemas[0].names)
        for row, again in zip_longest(*(_rows(file, schemas[0].names) for file in (one, other))):
            count.row(row, again)
        return count.conclude("")


def _rows(file: Any, names: list[str]) -> Iterator[tuple[Any, ...]]:
    # Threads reserve memory, which counts against the child's limit.
    for batch in file.iter_batches(batch_size=BATCH, columns=names, use_threads=False):
        yield from zip(*(batch.column(name).to_pylist() for name in names), strict=True)
