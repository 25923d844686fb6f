"""Test that signatures of MLmodel files become contracts and back, and that losses are named."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from git_datmo.contracts.contract_types import Contract, Field, Table, Tensor
from git_datmo.contracts.conversions.json_documents import read_yaml_object
from git_datmo.contracts.conversions.mlmodel_signature import from_mlmodel, to_mlmodel
from git_datmo.contracts.odcs_file import read_contract
from git_datmo.contracts.odcs_writer import new_contract
from git_datmo.errors import DatmoError

# In the form of MLflow 3.17.
MLMODEL = b"""\
flavors: {}
mlflow_version: 3.17.2
model_uuid: 25a51f5c232e4709bfd5503cd061a73e
signature:
  inputs: '[{"type": "long", "name": "age", "required": true}, {"type": "double",
    "name": "height", "required": false}, {"type": "datetime", "name": "seen", "required":
    true}, {"type": "array", "items": {"type": "float"}, "name": "scores", "required":
    true}, {"type": "object", "properties": {"left": {"type": "integer", "required":
    true}, "why": {"type": "string", "required": false}}, "name": "box", "required":
    true}, {"type": "binary", "name": "photo", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1,
    3]}}]'
  params: null
utc_time_created: '2026-11-30 00:32:40.194288'
"""
NULLABLE = Field("age", logical_type="integer")


def needed(name: str, **values: Any) -> Field:
    """Return a field that is there and not null."""
    return Field(name, is_required=True, **values)


def model(*fields: Field, name: str = "m") -> Contract:
    """Return a contract with one input."""
    return Contract(name, name, tables=(Table("input", port="input", fields=fields),))


def test_columns_and_tensors_of_an_mlmodel_file_are_read() -> None:
    contract, lost = from_mlmodel(read_yaml_object(MLMODEL, "MLmodel"), "m")
    given, made = contract.tables
    assert (given.port, made.port, lost) == ("input", "output", ())
    assert given.fields == (
        needed("age", logical_type="integer", physical_type="int64"),
        Field("height", logical_type="number", physical_type="float64", is_optional=True),
        needed("seen", logical_type="timestamp"),
        needed(
            "scores",
            logical_type="array",
            items=needed("", logical_type="number", physical_type="float32"),
        ),
        needed(
            "box",
            logical_type="object",
            fields=(
                needed("left", logical_type="integer", physical_type="int32"),
                Field("why", logical_type="string", is_optional=True),
            ),
        ),
        needed("photo", physical_type="binary"),
    )
    assert made.fields == (needed("0", logical_type="array", tensor=Tensor("FP32", (-1, 3))),)
    assert read_contract(new_contract(contract).encode(), "contracts/m.odcs.yaml").tables


def test_signature_survives_a_contract_and_back() -> None:
    document = read_yaml_object(MLMODEL, "MLmodel")
    again, lost = to_mlmodel(from_mlmodel(document, "m")[0])
    assert lost == ()
    for port in ("inputs", "outputs"):
        expected = json.loads(document["signature"][port])
        assert json.loads(again["signature"][port]) == expected


@pytest.mark.parametrize(
    ("field", "lost"),
    [
        (NULLABLE, ["required"]),
        (replace(NULLABLE, is_required=True, is_optional=True), ["required"]),
        (needed("age", logical_type="integer", physical_type="int8"), ["physicalType"]),
        (needed("age", logical_type="date"), ["logicalType"]),
        (needed("age", logical_type="object"), ["logicalType"]),
        (needed("age", logical_type="number", minimum=Decimal(1)), ["range"]),
        (needed("age", logical_type="string", pattern="^a", enum=("a",)), ["enum", "pattern"]),
        (needed("age", logical_type="array", tensor=Tensor("BF16", (2,))), ["datmo.tensor"]),
    ],
)
def test_parts_that_a_signature_cannot_say_are_named(field: Field, lost: list[str]) -> None:
    assert list(to_mlmodel(model(field))[1]) == [f"input.age: {name}" for name in lost]


def test_objects_without_a_place_in_a_signature_are_named() -> None:
    contract = replace(
        model(needed("x", logical_type="number")), tables=(Table("faces"), Table("i", port="input"))
    )
    document, lost = to_mlmodel(contract)
    assert lost == ("faces: a signature has one input and one output",)
    assert document["signature"] == {"inputs": "[]", "outputs": None, "params": None}


def test_contract_that_has_no_signature_is_refused() -> None:
    with pytest.raises(DatmoError, match=r"no object with 'datmo\.port: input'"):
        to_mlmodel(Contract("m", "m", tables=(Table("faces"),)))
    tensor = needed("y", logical_type="array", tensor=Tensor("FP32", (-1,)))
    with pytest.raises(DatmoError, match="has tensors and columns"):
        to_mlmodel(model(NULLABLE, tensor))


def test_types_that_are_unknown_are_named() -> None:
    columns = [{"type": "map", "name": "a"}, {"type": "long", "name": "b"}]
    signature = {"inputs": json.dumps(columns), "params": "[]"}
    assert from_mlmodel({"signature": signature}, "m")[1] == (
        "signature: params",
        "input.a: type map",
    )


DEEP = '{"type": "array", "items": ' * 99 + '{"type": "long"}' + "}" * 99


@pytest.mark.parametrize(
    "text",
    [
        b"signature: {}",
        b"a: b",
        b"[]",
        b"\xff",
        b"signature: {inputs: '[{}]'}",
        b"signature: {inputs: '{\"a\": 1}'}",
        b"signature: {inputs: [1]}",
        b"signature: {inputs: '['}",
        f"signature: {{inputs: '[{DEEP}]'}}".encode(),
        b"signature: {inputs: '" + b"[" * 100_000 + b"'}",
    ],
)
def test_file_without_a_readable_signature_is_refused(text: bytes) -> None:
    with pytest.raises(DatmoError):
        from_mlmodel(read_yaml_object(text, "MLmodel"), "m")
