"""Test that members and elements of nested values are checked by the rules of flat columns."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from git_datmo.cli.parser import make_parser, parse
from git_datmo.contracts.contract_types import Field
from tests.support.contract_data import check, make, refused

TEXT = Field("x", logical_type="string")
DATE = Field("x", logical_type="date", minimum="2024-01-01")
TIMESTAMP = Field("x", logical_type="timestamp", maximum="2024-01-01T12:00:00Z")
NUMBER = Field("x", logical_type="number")
INTEGER = Field("x", logical_type="integer")


@pytest.mark.parametrize(
    ("field", "good", "bad", "rule"),
    [
        (replace(TEXT, pattern="^a"), "abc", "bca", "pattern"),
        (replace(TEXT, pattern="^.$"), "\ud800", "", "pattern"),
        (replace(TEXT, min_length=2), "ab", "a", "minLength"),
        (replace(TEXT, enum=("a", "b")), "a", "c", "enum"),
        (DATE, "2024-01-01", "2023-12-31", "minimum"),
        (DATE, "2024-02-29", "2023-02-29", "type"),
        (TIMESTAMP, "2024-01-01T13:00:00+02:00", "2024-01-01T12:00:01Z", "maximum"),
        (Field("x", enum=(1,)), 1, True, "enum"),
        (Field("x", enum=(True,)), True, 1, "enum"),
        (replace(NUMBER, enum=(Decimal("0.5"), 2)), 0.5, 0.25, "enum"),
        (replace(INTEGER, enum=(1, Decimal("1.5"))), 1, 2, "enum"),
        (replace(NUMBER, multiple_of=Decimal("0.1")), 0.3, 0.25, "multipleOf"),
        (replace(INTEGER, maximum=2**70), 2**70, 2**70 + 1, "maximum"),
        (replace(INTEGER, minimum=-(2**70)), 1, -(2**71), "minimum"),
    ],
)
def test_flat_and_nested_values_break_the_same_rule(
    tmp_path: Path, field: Field, good: Any, bad: Any, rule: str
) -> None:
    path = tmp_path / "t.jsonl"
    rows = [{"x": each, "o": {"x": each}, "l": [good, each]} for each in (good, bad)]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    holder = Field("o", logical_type="object", fields=(field,))
    listed = Field("l", logical_type="array", items=replace(field, name=""))
    result = check(path, make(field, holder, listed))
    assert refused(result) == [("x", rule, 1), ("o", f"x.{rule}", 1), ("l", f"items.{rule}", 1)]
    assert {row for finding in result.findings for row, _ in finding.rows} == {2}


def test_nested_pattern_that_may_be_slow_is_unchecked(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"o": {"x": "a"}}\n', "utf-8")
    fields = (replace(TEXT, pattern="(?=a)"),)
    (finding,) = check(path, make(Field("o", logical_type="object", fields=fields))).findings
    assert (finding.level, finding.field, finding.rule) == ("unchecked", "o", "x.pattern")


def test_enumeration_and_bounds_of_typed_times_are_compared(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    days = [dt.date(2024, 1, 1), dt.date(2024, 1, 2)]
    moments = [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2)]
    hours = [dt.time(8), dt.time(7, 59)]
    parquet.write_table(pa.table({"day": days, "moment": moments, "hour": hours}), path)
    result = check(
        path,
        make(
            Field("day", logical_type="date", enum=("2024-01-01",)),
            Field("moment", logical_type="timestamp", enum=("2024-01-01T01:00:00+01:00",)),
            Field("hour", logical_type="time", minimum="08:00"),
        ),
    )
    assert refused(result) == [("day", "enum", 1), ("moment", "enum", 1), ("hour", "minimum", 1)]


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("contract", ["infer", "--ranges", "PATH"]),
        ("env", ["build", "--rebuild", "HEAD"]),
        ("feedback", ["add", "--log", "events", "FILE"]),
    ],
)
def test_option_stands_between_the_action_and_its_argument(verb: str, words: list[str]) -> None:
    options = parse(make_parser(verb), verb, words)
    assert (options.action, options.names) == (words[0], words[-1:])
