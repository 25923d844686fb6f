"""Test that each rule finds the rows that break it, in text and in typed columns."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from git_datmo.contracts import unique_values
from git_datmo.contracts.check_values import choose_table
from git_datmo.contracts.contract_types import Field, QualityRule, Table, verdict_of
from git_datmo.contracts.infer_contract import make_contract
from git_datmo.contracts.unique_values import KeyHasher, RepeatedKeys
from tests.support.contract_data import check, make, refused


def csv(folder: Path, *lines: str) -> Path:
    path = folder / "t.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@pytest.mark.parametrize(
    ("field", "good", "bad", "rule"),
    [
        (Field("x", logical_type="integer"), "12", "012", "type"),
        (Field("x", logical_type="integer"), "-3", "1.0", "type"),
        (Field("x", logical_type="integer"), "0", "0x1F", "type"),
        (Field("x", logical_type="number"), "0.5", "00.5", "type"),
        (Field("x", logical_type="number"), "-1e-3", "one", "type"),
        (Field("x", logical_type="boolean"), "true", "1", "type"),
        (Field("x", logical_type="date"), "2024-02-29", "2023-02-29", "type"),
        (Field("x", logical_type="timestamp"), "2024-01-01T00:00:00+02:00", "yesterday", "type"),
        (Field("x", logical_type="time"), "23:59:59", "24:00:00", "type"),
        (Field("x", logical_type="integer", minimum=0), "0", "-1", "minimum"),
        (Field("x", logical_type="number", maximum=1), "1", "1.5", "maximum"),
        (Field("x", logical_type="integer", maximum=10**30), "1", "9" * 31, "maximum"),
        (
            Field("x", logical_type="number", minimum=0, is_minimum_exclusive=True),
            "0.1",
            "0",
            "minimum",
        ),
        (Field("x", logical_type="integer", multiple_of=Decimal(5)), "10", "11", "multipleOf"),
        (
            Field("x", logical_type="date", minimum="2024-01-01"),
            "2024-01-01",
            "2023-12-31",
            "minimum",
        ),
        (
            Field("x", logical_type="timestamp", maximum="2024-01-01T00:00:00Z"),
            "2024-01-01T01:00:00+02:00",
            "2024-01-01T00:00:01Z",
            "maximum",
        ),
        (Field("x", logical_type="string", enum=("a", "b")), "a", "c", "enum"),
        (Field("x", logical_type="integer", enum=(1, 2)), "1", "3", "enum"),
        (Field("x", logical_type="string", max_length=2), "äö", "abc", "maxLength"),
        (Field("x", logical_type="string", min_length=2), "ab", "a", "minLength"),
        (Field("x", logical_type="string", pattern="^[a-z]+$"), "ab", "Ab", "pattern"),
        (Field("x", logical_type="string", is_required=True), "x", "NA", "required"),
    ],
)
def test_rule_finds_the_row_of_csv_that_breaks_it(
    tmp_path: Path, field: Field, good: str, bad: str, rule: str
) -> None:
    path = csv(tmp_path, "x,n", *[f"{good},1"] * 3, f"{bad},1", f"{good},1")
    result = check(path, make(field, Field("n")))
    assert refused(result) == [("x", rule, 1)]
    shown = "(null)" if rule == "required" else bad
    assert result.findings[0].rows == ((4, shown),)


def test_missing_and_unknown_columns_are_named_with_close_names(tmp_path: Path) -> None:
    path = csv(tmp_path, "colour_name,z,a", "1,2,3")
    result = check(path, make(Field("a"), Field("z"), Field("color_name")))
    found = {(f.level, f.rule, f.field): f.message for f in result.findings}
    assert "did it become 'colour_name'?" in found["refuse", "present", "color_name"]
    assert ("warn", "undeclared", "colour_name") in found
    assert ("warn", "order", "z") in found
    # A consumer ignores fields that it does not declare.
    assert {f.rule for f in check(path, make(Field("a"), port="requires")).findings} == set()


def test_parquet_type_that_contract_does_not_hold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"a": pa.array([1], pa.int64()), "b": ["x"]}), path)
    wide = Field("a", logical_type="integer", physical_type="int64")
    narrow = Field("a", logical_type="integer", physical_type="int32")
    foreign = Field("a", logical_type="integer", physical_type="BIGINT")
    text = Field("b", logical_type="string")
    assert refused(check(path, make(wide, text))) == []
    assert refused(check(path, make(foreign, text))) == []
    assert refused(check(path, make(narrow, text))) == [("a", "physicalType", 1)]
    result = check(path, make(wide, Field("b", logical_type="integer")))
    assert refused(result) == [("b", "type", 1)]


def test_nested_values_are_checked_to_their_members(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    rows: list[Any] = [
        {"o": {"a": 1}, "l": [1, 2]},
        {"o": {"a": "x"}, "l": [1, "y"]},
        {"o": {}, "l": []},
        {"l": [5]},
        "no object",
    ]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    members = (Field("a", logical_type="integer"),)
    result = check(
        path,
        make(
            Field("o", logical_type="object", fields=members),
            Field("l", logical_type="array", items=Field("", logical_type="integer"), min_items=1),
        ),
    )
    assert set(refused(result)) == {
        ("", "row", 1),
        ("o", "a.type", 1),
        ("o", "a.present", 1),
        # The malformed row has no field at all.
        ("o", "present", 2),
        ("l", "present", 1),
        ("l", "items.type", 1),
        ("l", "minItems", 1),
    }


def test_unique_and_key_fields_find_rows_that_repeat(tmp_path: Path) -> None:
    lines = [f"u{row % 90},{row % 10},{row // 10}" for row in range(100)]
    path = csv(tmp_path, "user,a,b", *lines)
    fields = (
        Field("user", logical_type="string", is_unique=True),
        Field("a", logical_type="integer", is_key=True),
        Field("b", logical_type="integer", is_key=True),
    )
    result = check(path, make(*fields))
    assert refused(result) == [("user", "unique", 10)]
    assert [row for row, _ in result.findings[0].rows] == [91, 92, 93, 94, 95]
    path.write_text(path.read_text("utf-8") + "last,3,4\n", "utf-8")
    assert refused(check(path, make(*fields)))[1:] == [("", "primaryKey", 1)]


def test_repeated_keys_past_the_limit_are_found_in_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unique_values, "SPILL_ROWS", 1000)
    hasher, keys = KeyHasher(), RepeatedKeys(str(tmp_path))
    for first in range(0, 5000, 500):
        hashes, valid = hasher.hash_rows([pa.array(np.arange(first, first + 500))])
        keys.add(hashes, valid, first + 1)
    hashes, valid = hasher.hash_rows([pa.array([7, None, 4999])])
    keys.add(hashes, valid, 5001)
    assert keys.find() == (2, [5001, 5003])
    keys.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (QualityRule("rowCount", lower=Decimal(5)), "4 rows, but the contract says at least 5"),
        (
            QualityRule("nullValues", unit="percent", upper=Decimal(10)),
            "1 null values (25% of 4 rows), but the contract says at most 10 percent",
        ),
        (
            QualityRule(
                "invalidValues",
                upper=Decimal(0),
                arguments=(("validValues", '["a", "b"]'),),
            ),
            "1 invalid values, but the contract says at most 0",
        ),
        (
            QualityRule("duplicateValues", upper=Decimal(1), is_upper_exclusive=True),
            "1 duplicate values, but the contract says less than 1",
        ),
        (
            QualityRule("missingValues", upper=Decimal(1), arguments=(("missingValues", '["c"]'),)),
            "2 missing values, but the contract says at most 1",
        ),
    ],
)
def test_quality_metric_outside_its_bounds_warns(
    tmp_path: Path, rule: QualityRule, message: str
) -> None:
    path = csv(tmp_path, "x,y", "a,1", "a,2", "c,3", ",4")
    fields = Field("x", quality=(rule,)), Field("y")
    result = check(path, make(*fields))
    assert [(f.level, f.message) for f in result.findings] == [("warn", message)]
    assert verdict_of(result.findings) == "holds"


def test_nulls_beside_absent_fields_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": [1]}\n{}\n{"a": null}\n{"a": "x"}\n', "utf-8")
    field = Field("a", is_required=True, is_optional=True)
    assert refused(check(path, make(field))) == [("a", "required", 1)]


def test_metric_with_a_pattern_that_backtracks_is_unchecked(tmp_path: Path) -> None:
    path = csv(tmp_path, "x,y", "a,1")
    arguments = (("pattern", '"(?=b)b"'),)
    rule = QualityRule("invalidValues", upper=Decimal(0), arguments=arguments)
    result = check(path, make(Field("x", quality=(rule,)), Field("y")))
    assert [(f.level, f.rule, f.field) for f in result.findings] == [
        ("unchecked", "invalidValues", "x")
    ]
    assert verdict_of(result.findings) == "unchecked"


def test_values_of_classified_field_are_not_shown(tmp_path: Path) -> None:
    path = csv(tmp_path, "name", "Ada", "12")
    field = Field("name", pattern="^[A-Z]", classification="personal")
    assert "12" not in repr(check(path, make(field)).findings[0].rows)


def test_table_is_chosen_by_file_name_or_because_it_is_alone() -> None:
    one, two = Table("train"), Table("labels", physical_name="data/*.jsonl")
    both = make_contract("c", (), (one, two))
    assert choose_table(both, "data/train.csv") == one
    assert choose_table(both, "data/x.jsonl") == two
    assert choose_table(both, "data/x.csv") is None
    assert choose_table(make_contract("c", (), (one,)), "data/x.csv") == one
