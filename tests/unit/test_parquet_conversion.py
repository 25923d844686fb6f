"""Test that schemas of Parquet files become contracts and back, and that losses are named."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from git_datmo.contracts.contract_types import Contract, Field, Table
from git_datmo.contracts.conversions.parquet_schema import from_parquet, to_parquet
from git_datmo.contracts.odcs_file import read_contract
from git_datmo.contracts.odcs_writer import new_contract
from git_datmo.contracts.table_readers.table_batches import UnreadableTable
from git_datmo.errors import DatmoError

INT8 = Field("", logical_type="integer", physical_type="int8")
SCHEMA = pa.schema(
    [
        pa.field("age", pa.int32(), nullable=False, metadata={"description": "in years"}),
        ("seen", pa.timestamp("ns", tz="UTC")),
        ("noon", pa.time32("ms")),
        ("price", pa.decimal128(10, 2)),
        ("wide", pa.decimal256(60, 2)),
        ("day", pa.date32()),
        ("half", pa.float16()),
        ("ok", pa.bool_()),
        ("name", pa.string()),
        ("raw", pa.binary()),
        ("id", pa.binary(16)),
        ("took", pa.duration("ms")),
        ("empty", pa.null()),
        ("scores", pa.list_(pa.field("element", pa.float32(), nullable=False))),
        ("three", pa.list_(pa.field("element", pa.int8()), 3)),
        ("box", pa.struct([pa.field("left", pa.uint8(), nullable=False)])),
    ],
    metadata={"description": "Faces of people"},
)


def contract_of(*fields: Field) -> Contract:
    """Return a contract with one table of these fields."""
    return Contract("t", "t", tables=(Table("t", fields=fields),))


def write(path: Path, schema: pa.Schema) -> Path:
    """Write a Parquet file without rows."""
    pq.write_table(schema.empty_table(), path)
    return path


def test_schema_survives_a_contract_and_back(tmp_path: Path) -> None:
    path = write(tmp_path / "faces.parquet", SCHEMA)
    contract, lost = from_parquet(str(path), path.name, "faces")
    assert lost == ()
    again = read_contract(new_contract(contract).encode(), "contracts/faces.odcs.yaml")
    content, lost = to_parquet(again)
    assert lost == ("version", "faces.empty: values of any type")
    assert pq.read_schema(pa.BufferReader(content)).equals(SCHEMA, check_metadata=True)
    assert pq.read_table(pa.BufferReader(content)).num_rows == 0


def test_columns_become_fields_with_their_types(tmp_path: Path) -> None:
    schema = pa.schema(
        [
            ("kind", pa.dictionary(pa.int8(), pa.string())),
            pa.field("tags", pa.map_(pa.string(), pa.int8()), metadata={"colour": "red"}),
            ("three", pa.list_(pa.int8(), 3)),
        ],
        metadata={"pandas": "{}", "owner": "me"},
    )
    path = write(tmp_path / "t.parquet", schema)
    contract, lost = from_parquet(str(path), path.name, "t")
    assert contract.tables[0].fields == (
        Field("kind", logical_type="string", physical_type="string"),
        Field("tags", logical_type="object"),
        Field("three", logical_type="array", min_items=3, max_items=3, items=INT8),
    )
    assert lost == (
        *("metadata owner", "t.tags: metadata colour", "t.tags: types of a map's keys and values"),
    )


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        (Field("a", logical_type="integer"), "int64"),
        (Field("a", logical_type="number", physical_type="double"), "double"),
        (Field("a", logical_type="timestamp"), "timestamp[us]"),
        (Field("a", logical_type="time"), "time64[us]"),
        (Field("a", physical_type="smallint"), "int16"),
        (Field("a", logical_type="integer", physical_type="float64"), "int64"),
    ],
)
def test_field_without_type_of_arrow_becomes_the_usual_one(field: Field, kind: str) -> None:
    content, _ = to_parquet(contract_of(field))
    assert str(pq.read_schema(pa.BufferReader(content)).field("a").type) == kind


@pytest.mark.parametrize(
    ("field", "lost"),
    [
        (Field("a", is_required=True), ["values of any type", "required"]),
        (Field("a", logical_type="object"), ["logicalType"]),
        (Field("a", logical_type="string", physical_type="varchar(9)"), ["physicalType"]),
        (Field("a", logical_type="string", enum=("x",), pattern="x"), ["enum", "pattern"]),
        (Field("a", logical_type="integer", minimum=1, is_key=True), ["primaryKey", "range"]),
        (Field("a", logical_type="array", min_items=1, items=INT8), ["number of items"]),
        (Field("a", logical_type="number", multiple_of=Decimal(1)), ["multipleOf"]),
        (Field("a", logical_type="date", is_optional=True), ["datmo.optional"]),
    ],
)
def test_rules_that_parquet_cannot_say_are_named(field: Field, lost: list[str]) -> None:
    assert list(to_parquet(contract_of(field))[1]) == [f"t.a: {name}" for name in lost]


def test_file_or_contract_that_is_no_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1" * 5)
    with pytest.raises(UnreadableTable, match="not readable Parquet"):
        from_parquet(str(path), path.name, "x")
    two = replace(contract_of(), tables=(Table("a"), Table("b")))
    with pytest.raises(DatmoError, match="has 2 objects, and a Parquet file has one"):
        to_parquet(two)
