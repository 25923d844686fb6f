"""Test that signatures of models are read from their files, and that no pickle is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from git_datmo.contract_checks.check_file import FileCheck, check_file
from git_datmo.contracts.contract_types import Field, Port, Table, Tensor
from git_datmo.contracts.infer_contract import make_contract
from git_datmo.contracts.model_signatures import is_model, read_signature
from git_datmo.errors import DatmoError


def field(number: int, value: bytes | int) -> bytes:
    """Return a field of a protocol buffer; texts and numbers are short."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    assert len(value) < 128
    return bytes([number << 3 | 2, len(value)]) + value


def tensor(name: str, kind: int, *lengths: int | str) -> bytes:
    """Return a value of an ONNX graph with a tensor's type and shape."""
    dimensions = [
        field(1, field(1, each) if isinstance(each, int) else field(2, each.encode()))
        for each in lengths
    ]
    form = field(1, kind) + field(2, b"".join(dimensions))
    return field(1, name.encode()) + field(2, field(1, form))


def onnx_model() -> bytes:
    """Return an ONNX model with a weight that is listed among the inputs, too."""
    graph = (
        field(5, field(8, b"w"))
        + field(11, tensor("x", 1, "batch", 4))
        + field(11, tensor("w", 1, 4, 3))
        + field(12, tensor("y", 7, "batch", 3))
    )
    return field(1, 8) + bytes([7 << 3 | 2, len(graph)]) + graph


def forms(tables: tuple[Table, ...]) -> list[tuple[str, str, Tensor | None]]:
    return [(table.port, each.name, each.tensor) for table in tables for each in table.fields]


def test_onnx_states_inputs_and_outputs_without_weights(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx_model())
    assert is_model(str(path))
    assert forms(read_signature(str(path), "m.onnx")) == [
        ("input", "x", Tensor("FP32", (-1, 4))),
        ("output", "y", Tensor("INT64", (-1, 3))),
    ]


def check(path: Path, *tables: Table) -> FileCheck:
    """Return the check of a model against a contract with these ports."""
    contract = make_contract("m", (path.name,), tables)
    return check_file(path.parent, contract, path.name, str(path.parent))


def port(name: Port, *fields: Field) -> Table:
    return Table("rows", port=name, fields=fields)


def test_check_of_a_model_says_which_ports_were_compared(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx_model())
    given = port("input", Field("x", tensor=Tensor("FP32", (-1, 4))))
    made = port("output", Field("y", tensor=Tensor("INT64", (-1, 2))))
    found = check(path, given)
    assert (found.verdict, found.scope) == ("holds", "input compared")
    found = check(path, given, made, port("requires", Field("age")))
    assert (found.verdict, found.scope) == ("broken", "input and output compared")
    found = check(path, port("requires", Field("age")))
    assert (found.verdict, found.scope) == ("unchecked", "")
    assert found.findings[0].message.startswith("the contract declares no input and no output")


@pytest.mark.parametrize("ports", [("requires",), ("requires", "input"), ("input", "output")])
def test_ports_of_a_model_in_an_array_file_are_unchecked(
    tmp_path: Path, ports: tuple[Port, ...]
) -> None:
    path = tmp_path / "m.npz"
    np.savez(path, weights=np.zeros(3))
    found = check(path, *(port(name, Field("x")) for name in ports))
    assert (found.verdict, found.scope) == ("unchecked", "")
    words = f"the contract states only {' and '.join(ports)} of a model, and nothing of this file"
    assert found.findings[0].message == words
    # The object that is named for the file describes its arrays.
    named = Table("m", port="provides", fields=(Field("weights"),))
    assert check(path, *(port(name, Field("x")) for name in ports), named).verdict == "holds"


@pytest.mark.parametrize("size", [0, 1, 20, 60, -1])
def test_onnx_that_is_cut_off_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx_model()[:size])
    with pytest.raises(DatmoError):
        read_signature(str(path), "m.onnx")


def test_mlmodel_states_columns_and_tensors(tmp_path: Path) -> None:
    columns = [{"type": "long", "name": "age", "required": False}, {"type": "double", "name": "x"}]
    spec = {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}
    path = tmp_path / "model"
    path.mkdir()
    signature = {"inputs": json.dumps(columns), "outputs": json.dumps([spec]), "params": None}
    (path / "MLmodel").write_text(json.dumps({"signature": signature}), "utf-8")
    assert is_model(str(path))
    given, made = read_signature(str(path), "model")
    assert [(f.name, f.logical_type, f.physical_type, f.is_optional) for f in given.fields] == [
        ("age", "integer", "int64", True),
        ("x", "number", "float64", False),
    ]
    assert made.fields[0].tensor == Tensor("FP32", (-1, 2))


@pytest.mark.parametrize("text", ["", "signature: {}", "[", "signature: {inputs: '[{}]'}", "a: b"])
def test_mlmodel_without_signature_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "MLmodel"
    path.write_text(text, "utf-8")
    with pytest.raises(DatmoError):
        read_signature(str(path), "MLmodel")


@pytest.mark.parametrize("name", ["m.pkl", "m.joblib", "m.pt", "m.ckpt"])
def test_pickled_model_is_not_loaded(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    # Loading this pickle would raise.
    path.write_bytes(b"cbuiltins\nexit\n(I9\ntR.")
    with pytest.raises(DatmoError, match="may run code"):
        read_signature(str(path), name)
