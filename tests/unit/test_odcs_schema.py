"""Test written contracts with the JSON Schema of the Open Data Contract Standard itself."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from git_datmo.contracts.contract_types import Contract, Field, FileRule, Table, Tensor
from git_datmo.contracts.odcs_writer import new_contract
from tests.support.contract_texts import FACES, MODEL

standard = pytest.importorskip("open_data_contract_standard")
# Of version 3.2.0, which describes contracts of versions 3.0 and 3.1, too.
SHA256 = "4b530540c9182db45ad879867d9c83a92feefc7c2d911b4b56338b0328070d7c"
FIELD = Field("age", "a", logical_type="integer", physical_type="int32", is_key=True, minimum=0)
CONTRACT = Contract(
    "x-1",
    "faces",
    paths=("data/*.csv", "more.parquet"),
    entry="predict.py:predict",
    gates=("accuracy>0.9",),
    tables=(
        Table("faces", fields=(FIELD, Field("code", logical_type="string", enum=("a", None)))),
        Table("in", port="input", fields=(replace(FIELD, tensor=Tensor("FP32", (-1, 3))),)),
        Table("photos", files=FileRule(("image/png",), channels=(3,)), disjoint=("test",)),
    ),
)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """Return the schema that the standard's package ships."""
    content = Path(standard.__file__).with_name("schema.json").read_bytes()
    assert hashlib.sha256(content).hexdigest() == SHA256
    document: dict[str, Any] = json.loads(content)
    return document


@pytest.mark.parametrize(
    "text", [new_contract(CONTRACT), FACES, MODEL], ids=["new", "faces", "model"]
)
def test_contract_is_valid_by_the_schema_of_the_standard(schema: dict[str, Any], text: str) -> None:
    jsonschema.Draft201909Validator(schema).validate(yaml.safe_load(text))


def test_contract_with_unknown_key_is_invalid_by_the_schema(schema: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft201909Validator(schema).validate(yaml.safe_load(FACES + "colour: red\n"))
