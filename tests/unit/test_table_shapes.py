"""Test the numbers of rows and columns of tables."""

from __future__ import annotations

import csv

import pytest

from git_datmo.report import table_shapes
from git_datmo.report.table_shapes import TableShape, is_table, read_shape


@pytest.mark.parametrize(
    ("name", "content", "shape"),
    [
        ("t.csv", b"a,b\n1,2\n3,4\n", TableShape(2, ("a", "b"))),
        ("t.csv", b"a,b\r\n1,2\r\n\r\n3,4", TableShape(2, ("a", "b"))),
        ("t.CSV", b'\xef\xbb\xbfa,"b\nc"\n1,"2\n3"\n', TableShape(1, ("a", "b\nc"))),
        ("t.tsv", b"a\tb\n1\t2\n", TableShape(1, ("a", "b"))),
        ("t.jsonl", b'{"x": 1, "y": 2}\n\n{"x": 2}\n', TableShape(2, ("x", "y"))),
        ("t.ndjson", b"[1]\n[2]", TableShape(2, ())),
        ("t.csv", b"", TableShape(0, ())),
        ("t.csv", b"\xff\xfe\x00", None),
        ("t.jsonl", b"{nonsense\n", None),
        ("t.jsonl", b"[" * 100_000, None),
    ],
)
def test_shape_has_rows_and_columns(name: str, content: bytes, shape: TableShape | None) -> None:
    assert is_table(name)
    for size in (1, 7, 1 << 20):
        pieces = (content[at : at + size] for at in range(0, len(content), size))
        assert read_shape(name, pieces) == shape


def test_other_names_are_no_tables() -> None:
    assert not any(map(is_table, ("t", "t.txt", "csv", "a.csv/b")))


def test_table_beyond_the_limit_has_no_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_shapes, "TABLE_LIMIT", 10)
    before = csv.field_size_limit()
    assert read_shape("t.csv", iter([b"a,b\n", b"1,2\n3,4\n"])) is None
    assert csv.field_size_limit() == before
