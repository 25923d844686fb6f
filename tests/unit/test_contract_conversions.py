"""Test that contracts survive other languages, and that what does not survive is named."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.contracts.contract_types import Contract, Field, Table
from git_datmo.contracts.conversions.json_documents import read_json, write_json
from git_datmo.contracts.conversions.json_schema import from_json_schema, to_json_schema
from git_datmo.contracts.conversions.table_schema import from_table_schema, to_table_schema
from git_datmo.contracts.odcs_file import read_contract
from git_datmo.contracts.value_sets import allows
from git_datmo.errors import DatmoError
from tests.support.contract_texts import FACES

FIELDS = (
    Field("age", logical_type="integer", is_required=True, minimum=0, maximum=120),
    Field("height", logical_type="number", minimum=Decimal("0.5"), is_minimum_exclusive=True),
    Field("code", logical_type="string", min_length=2, max_length=3, pattern="^[0-9]+$"),
    Field("mood", logical_type="string", enum=("happy", "sad"), is_required=True),
    Field("born", logical_type="date", is_optional=True, description="day"),
    Field("seen", logical_type="timestamp"),
    Field("box", logical_type="object", fields=(Field("left", logical_type="integer"),)),
    Field("tags", logical_type="array", min_items=1, items=Field("", logical_type="string")),
    Field("anything", is_required=True),
    Field("flag", logical_type="boolean", has_default=True, default=True),
    Field("step", logical_type="integer", multiple_of=Decimal(5)),
)
CONTRACT = Contract("faces", "faces", tables=(Table("faces", fields=FIELDS),))


def test_fields_survive_json_schema_and_back() -> None:
    document, lost = to_json_schema(CONTRACT)
    assert lost == ()
    again, unread = from_json_schema(read_json(write_json(document).encode(), "x"), "faces")
    assert again.tables[0].fields == tuple(
        replace(field, minimum=field.minimum, maximum=field.maximum) for field in FIELDS
    )
    assert set(unread) <= {"faces.anything: not"}


def test_several_tables_become_definitions_and_back() -> None:
    two = replace(CONTRACT, tables=(Table("a", fields=FIELDS[:1]), Table("b", fields=FIELDS[1:2])))
    document, _ = to_json_schema(two)
    assert from_json_schema(document, "faces")[0].tables == two.tables


VALUES: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-5, 130)
    | st.sampled_from((0.5, 0.75, "happy", "1", "12", "1234", "ab"))
)


@given(st.sampled_from(FIELDS[:4] + FIELDS[9:]), VALUES)
def test_jsonschema_accepts_the_values_that_a_field_allows(field: Field, value: Any) -> None:
    row = Field("", logical_type="object", fields=(field,))
    document, _ = to_json_schema(replace(CONTRACT, tables=(Table("t", fields=(field,)),)))
    schema = read_json(write_json(document).encode(), "x")
    accepted = jsonschema.Draft202012Validator(schema).is_valid({field.name: value})
    assert accepted == allows(row, {field.name: value})


def test_plain_fields_survive_table_schema_and_back() -> None:
    plain = tuple(
        replace(field, is_optional=False)
        for field in FIELDS
        if field.name in ("age", "code", "mood", "born", "seen")
    )
    keyed = (replace(plain[0], is_key=True), *plain[1:])
    contract = replace(CONTRACT, paths=("a.csv",), tables=(Table("faces", fields=keyed),))
    document, lost = to_table_schema(contract)
    assert lost == ("servers",)
    assert document["missingValues"][:2] == ["", "NA"]
    assert document["primaryKey"] == ["age"]
    again, unread = from_table_schema(document, "faces")
    expected = (*keyed[:1], replace(keyed[1], pattern="^(?:[0-9]+)$"), *keyed[2:])
    assert (again.tables[0].fields, unread) == (expected, ())
    assert from_table_schema({"fields": [], "missingValues": ["-"]}, "x")[1] == ("missingValues",)


def test_lost_parts_are_named_with_their_fields() -> None:
    contract = read_contract(FACES.encode(), "contracts/faces.odcs.yaml")
    assert to_json_schema(contract)[1] == (
        *("version", "servers", "faces.age: physicalType", "faces.age: id"),
        "faces.emotion: quality",
    )
    lost = to_table_schema(replace(CONTRACT, tables=(Table("t", fields=FIELDS[1:2]),)))[1]
    assert lost == ("t.height: exclusive bound",)
    odd = Field("a", minimum=1, min_length=1, pattern="x", format="ipv4")
    document, lost = to_table_schema(replace(CONTRACT, tables=(Table("t", fields=(odd,)),)))
    assert document == {"fields": [{"name": "a", "type": "any"}]}
    assert lost == ("t.a: range", "t.a: length", "t.a: pattern", "t.a: format")
    schema = {"properties": {"x": {"anyOf": [], "type": ["string", "integer"]}}}
    assert from_json_schema(schema, "x")[1] == ("x.x: type string, integer", "x.x: anyOf")


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"{",
        b'{"a": NaN}',
        b'{"a": 1e999999}',
        b"[" * 100_000,
        b'{"a":' * 99 + b"1" + b"}" * 99,
    ],
    ids=["list", "cut", "nan", "huge", "brackets", "deep"],
)
def test_hostile_json_is_refused_with_its_name(content: bytes) -> None:
    with pytest.raises(DatmoError, match=r"cannot convert 'x\.json'"):
        read_json(content, "x.json")


def test_table_schema_of_several_tables_is_refused() -> None:
    with pytest.raises(DatmoError, match="has 2 objects"):
        to_table_schema(replace(CONTRACT, tables=(Table("a"), Table("b"))))
    with pytest.raises(DatmoError, match="no Table Schema"):
        from_table_schema({}, "x")
