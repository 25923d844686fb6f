"""Test the summary of Parquet files on the page."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, cast

import pyarrow as pa
import pytest
from pyarrow import parquet

from git_datmo.report import table_summary
from git_datmo.report.parquet_summary import is_parquet, summarise_parquet
from git_datmo.report.table_summary import TableColumn, TableSummary
from git_datmo.web import documents_files
from git_datmo.web.page_state import NoDocument, PageState


def write(columns: dict[str, Any], group: int = 1000) -> bytes:
    """Return a Parquet file with these columns, and so many rows in a row group."""
    file = io.BytesIO()
    parquet.write_table(pa.table(columns), file, row_group_size=group)
    return file.getvalue()


def pieces_of(content: bytes) -> Iterator[bytes]:
    """Yield a file in pieces, as the store has it."""
    yield from (content[place : place + 777] for place in range(0, len(content), 777))


def summary_of(columns: dict[str, Any], group: int = 1000) -> TableSummary:
    """Return the summary of a Parquet file with these columns."""
    found = summarise_parquet(pieces_of(write(columns, group)))
    assert found is not None
    return found


def test_columns_have_their_kinds_bounds_and_distribution() -> None:
    found = summary_of(
        {
            "n": [1, None, 3, 4, 5],
            "flag": [True, False, True, None, True],
            "text": ["none", "", "a", "b", None],
            "nan": [float("nan"), 1.0, 2.0, 3.0, float("inf")],
        },
        group=2,
    )
    number, flag, text, nan = found.columns
    assert (number.type, number.missing, number.min, number.max, number.mean) == (
        *("number", 1, 1, 5),
        3.25,
    )
    assert sum(number.bins) == 4
    assert (flag.type, flag.missing, flag.distinct) == ("flag", 1, 2)
    # A text that stands for a missing value in CSV is a value in Parquet.
    assert (text.type, text.missing, text.distinct) == ("text", 1, 4)
    assert (nan.type, nan.min, nan.max, nan.mean) == ("number", 1, 3, 2)
    assert found.sample[1] == ("", "false", "", "1.0")
    assert (found.rows, found.is_cut) == (5, False)


def test_nested_column_is_shown_in_the_sample_alone() -> None:
    vectors = [[1, 2], None, list(range(99)), *([[3]] * 97)]
    found = summary_of({"vector": vectors, "n": list(range(100))})
    assert found.columns[0] == TableColumn("vector", "nested", None, None)
    assert found.columns[1].max == 99
    assert [row[0] for row in found.sample[:2]] == ["[1, 2]", ""]
    assert "49]" in found.sample[2][0]
    assert (found.rows, len(found.sample)) == (100, table_summary.SAMPLE)
    assert summary_of({"parts": [{"a": [{"b": [b"c"]}]}]}).sample == (('{"a": [{"b": []}]}',),)


def test_values_of_every_flat_type_are_read() -> None:
    column = {
        "word": pa.array(["b", "a", "b"]).dictionary_encode(),
        "time": pa.array([0, 1, 2], pa.timestamp("ns")),
        "far": pa.array([1 << 52, 0, 0], pa.timestamp("ms")),
        "raw": [b"\0"] * 3,
        "price": pa.array([Decimal("1.50"), None, Decimal("2.50")]),
        "a.b": pa.array(["1", "2", "3"], pa.large_string()),
        "code": pa.array([7, 8, 7]).dictionary_encode(),
        "none": pa.nulls(3),
    }
    found = summary_of(column)
    kinds = [each.type for each in found.columns]
    assert kinds == ["text", "text", "text", "text", "number", "text", "number", "text"]
    assert [each.distinct for each in found.columns] == [2, 3, 2, 1, 2, 3, 2, 0]
    assert [each.missing for each in found.columns] == [0, 0, 0, 0, 1, 0, 0, 3]
    assert (found.columns[4].mean, found.columns[6].max) == (2, 8)
    assert found.sample[0][3:] == ("1 byte", "1.50", "1", "7", "")
    assert found.sample[0][1].startswith("1970-01-01 00:00:00")


def test_tables_without_rows_or_columns_have_summaries() -> None:
    empty = summary_of({"a": pa.array([], pa.int64()), "b": pa.array([], pa.list_(pa.int8()))})
    assert (empty.rows, empty.sample, [each.missing for each in empty.columns]) == (
        *(0, ()),
        [0, None],
    )
    assert summary_of({}).columns == ()
    assert summary_of({"only": [[1]]}).rows == 1


def test_wide_table_is_read_in_groups_of_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_summary, "CELLS_LIMIT", 200 * 3)
    found = summary_of({f"c{n}": [n, n + 1, n + 2, n + 3] for n in range(201)})
    assert [each.max for each in found.columns] == [n + 2 for n in range(200)]
    assert found.sample[0] == tuple(map(str, range(200)))
    assert (found.rows, found.is_cut) == (3, True)


def test_long_text_that_is_repeated_takes_its_memory_once() -> None:
    file = io.BytesIO()
    codes = pa.array([0] * 300, pa.int8())
    text = pa.DictionaryArray.from_arrays(codes, ["x" * 1_000_000])
    parquet.write_table(pa.table({"text": text}), file, store_schema=False)
    pool = pa.proxy_memory_pool(pa.default_memory_pool())
    before = pa.default_memory_pool()
    pa.set_memory_pool(pool)
    try:
        found = summarise_parquet([file.getvalue()])
    finally:
        pa.set_memory_pool(before)
    assert found is not None
    assert found.columns == (TableColumn("text", "text", 0, 1),)
    assert 0 < pool.max_memory() < 50_000_000


def test_long_table_is_read_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_summary, "CELLS_LIMIT", 60)
    found = summary_of({"a": list(range(100)), "b": list(range(100))})
    assert (found.rows, found.is_cut, found.columns[0].max) == (30, True, 29)


def test_broken_file_has_no_summary() -> None:
    content = write({"a": [1, 2, 3]})
    assert is_parquet(content)
    assert not is_parquet(b"a,b\n")
    assert summarise_parquet([content[:-9]]) is None
    assert summarise_parquet([b"PAR1", b"\xff" * 99]) is None
    spoiled = bytearray(content)
    spoiled[4:40] = b"\xff" * 36
    assert summarise_parquet([bytes(spoiled)]) is None


def test_page_has_the_summary_or_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    content = write({"a": [1, 2]})
    monkeypatch.setattr(documents_files, "read_pieces", lambda *_: pieces_of(content))
    # The state is asked for the pieces alone.
    state = cast("PageState", None)
    document = documents_files.table_document(state, "0" * 40)
    assert (document["rows"], document["columns"][0]["max"]) == (2, 2)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(NoDocument, match="cannot be read without pyarrow"):
        documents_files.table_document(state, "0" * 40)
