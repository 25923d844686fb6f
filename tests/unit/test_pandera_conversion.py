"""Test that schemas of pandera become contracts and back, and that losses are named."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from git_datmo.contracts.contract_types import Contract, Field, Table
from git_datmo.contracts.conversions.json_documents import read_yaml_object, write_yaml
from git_datmo.contracts.conversions.pandera_schema import from_pandera, to_pandera
from git_datmo.contracts.conversions.pandera_types import read_dtype
from git_datmo.contracts.odcs_file import read_contract
from git_datmo.contracts.odcs_writer import new_contract
from git_datmo.errors import DatmoError

INT = {"logical_type": "integer", "physical_type": "int64"}
TEXT = {"logical_type": "string", "physical_type": "string"}
ZONED = "timestamp[us, tz=Europe/Berlin]"
FIELDS = (
    Field("age", **INT, is_required=True, is_key=True, minimum=0, maximum=120),
    Field("years", **{**INT, "physical_type": "uint8"}, is_optional=True),
    Field(
        "height",
        logical_type="number",
        physical_type="float32",
        minimum=Decimal("0.5"),
        is_minimum_exclusive=True,
        maximum=9,
        is_maximum_exclusive=True,
    ),
    Field("code", **TEXT, is_required=True, is_unique=True, min_length=2, pattern="[0-9]+$"),
    Field("mood", **TEXT, enum=("happy", "sad"), description="of the day"),
    Field("ok", logical_type="boolean", physical_type="bool", is_required=True),
    Field("born", logical_type="date"),
    Field("seen", logical_type="timestamp", physical_type=ZONED),
    Field("anything"),
)
CONTRACT = Contract("faces", "faces", tables=(Table("faces", fields=FIELDS, description="d"),))
# As pandera 0.35 writes it; versions before 0.27 have checks in mappings or lists of their own.
NEW = b"""\
schema_type: dataframe
api: pandas
columns:
  age:
    dtype: Int64
    in_range: {min_value: 0, max_value: 120, include_min: true, include_max: false}
    notin: [5]
  code:
    title: T
    dtype: string[pyarrow]
    str_matches: a|b
    str_length: {min_value: null, max_value: null, exact_value: 3}
    coerce: true
  c.*: {dtype: category, regex: true}
  kind: {dtype: category, isin: [a, b], required: false}
checks: null
index:
- {dtype: int64, name: i}
strict: true
name: faces
unique: [age, code]
"""
OLD = b"""\
columns:
  a:
    dtype: int64
    nullable: true
    checks:
      greater_than: 3
      less_than_or_equal_to: {value: 9, options: {raise_warning: true}}
  b:
    dtype: str
    checks:
    - {value: [x], options: {check_name: isin, ignore_na: true}}
    - {value: x, options: {check_name: str_startswith}}
    - {options: {check_name: mine}}
index: null
unique: [a]
coerce: false
"""


def test_fields_survive_pandera_and_back() -> None:
    document, lost = to_pandera(CONTRACT)
    assert lost == ()
    again = from_pandera(read_yaml_object(write_yaml(document).encode(), "x"), "faces")
    assert again == (CONTRACT, ())


def test_schema_of_a_new_version_is_read_with_its_losses() -> None:
    contract, lost = from_pandera(read_yaml_object(NEW, "x"), "f")
    assert contract.tables[0].fields == (
        Field(
            "age",
            **INT,
            is_required=True,
            is_key=True,
            minimum=0,
            maximum=120,
            is_maximum_exclusive=True,
        ),
        Field(
            "code",
            **TEXT,
            is_required=True,
            is_key=True,
            pattern="^(?:a|b)",
            min_length=3,
            max_length=3,
        ),
        Field("kind", is_required=True, is_optional=True, enum=("a", "b")),
    )
    assert lost == (
        *("index", "strict", "faces.age: notin", "faces.code: title", "faces.code: coerce"),
        *("faces.c.*: column by a pattern of names", "faces.kind: dtype category"),
    )
    assert read_contract(new_contract(contract).encode(), "contracts/f.odcs.yaml").tables


def test_schema_of_an_old_version_is_read_with_its_losses() -> None:
    contract, lost = from_pandera(read_yaml_object(OLD, "x"), "f")
    assert contract.tables[0].fields == (
        Field("a", **INT, minimum=3, is_minimum_exclusive=True),
        Field("b", **TEXT, is_required=True, enum=("x",), pattern="^x"),
    )
    # A check that only warns is no rule, and a column with nulls is no key.
    assert lost == ("f.a: less_than_or_equal_to", "f.b: mine", "unique")


@pytest.mark.parametrize(
    ("field", "lost"),
    [
        # pandera counts nulls as repetitions.
        (Field("a", **TEXT, is_unique=True), ["unique"]),
        (Field("a", logical_type="timestamp"), ["logicalType"]),
        (Field("a", logical_type="date", minimum="2026-01-01", enum=("x",)), ["enum", "range"]),
        (Field("a", pattern="x", min_length=1), ["length", "pattern"]),
        (Field("a", **INT, multiple_of=Decimal(5), enum=()), ["enum", "multipleOf"]),
        (Field("a", logical_type="string", physical_type="varchar(18)"), ["physicalType"]),
        (Field("a", has_default=True, is_deprecated=True), ["datmo.default", "deprecated"]),
        (Field("a", logical_type="array", items=Field("")), ["logicalType", "items"]),
    ],
)
def test_rules_that_pandera_cannot_say_are_named(field: Field, lost: list[str]) -> None:
    contract = replace(CONTRACT, tables=(Table("t", fields=(field,)),))
    assert sorted(to_pandera(contract)[1]) == sorted(f"t.a: {name}" for name in lost)


@pytest.mark.parametrize(
    ("field", "dtype"),
    [
        (Field("a", logical_type="integer"), "Int64"),
        (Field("a", logical_type="integer", is_required=True), "int64"),
        (Field("a", logical_type="integer", physical_type="uint16"), "UInt16"),
        (Field("a", logical_type="number"), "float64"),
        (Field("a", logical_type="boolean"), "boolean"),
    ],
)
def test_width_and_nulls_decide_the_type_of_a_column(field: Field, dtype: str) -> None:
    document, _ = to_pandera(replace(CONTRACT, tables=(Table("t", fields=(field,)),)))
    assert document["columns"]["a"]["dtype"] == dtype


@pytest.mark.parametrize(
    ("dtype", "found"),
    [
        ("int64[pyarrow]", ("integer", "int64")),
        ("timestamp[ns, tz=UTC][pyarrow]", ("timestamp", "timestamp[ns, tz=UTC]")),
        ("datetime64[ns]", ("timestamp", "timestamp[ns]")),
        ("object", ("", "")),
        ("category", None),
        ("float8", None),
    ],
)
def test_types_of_data_frames_are_read(dtype: str, found: tuple[str, str] | None) -> None:
    assert read_dtype(dtype) == found


@pytest.mark.parametrize("document", [{}, {"columns": 1}, {"schema_type": "series", "dtype": "a"}])
def test_document_without_columns_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(DatmoError, match="no schema of pandera"):
        from_pandera(document, "x")


def test_values_of_other_types_are_read_as_nothing() -> None:
    checks = [7, {"options": 5}, {"options": {"check_name": "in_range"}, "min_value": []}]
    column = {"dtype": 5, "checks": checks, "description": 1, "isin": {"value": [{}]}}
    contract, lost = from_pandera({"columns": {"a": column, "b": 7}, "unique": 5}, "x")
    assert contract.tables[0].fields == (Field("a", is_required=True, description="1"),)
    assert lost == (
        *("x.a: dtype 5", "x.a: check 1", "x.a: check 2", "x.a: in_range", "x.a: isin"),
    )
