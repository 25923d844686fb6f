"""Test that inference reads all rows and keeps every spelling, and that data pass their own
contract."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from sklearn import datasets

from git_datmo.contracts.check_arrays import check_arrays, infer_arrays
from git_datmo.contracts.infer_contract import make_contract, name_after
from git_datmo.contracts.table_readers.array_files import read_arrays
from git_datmo.errors import DatmoError
from tests.support.contract_data import PENGUINS, check, fields_of, infer, refused


def write_csv(path: Path, bunch: Any) -> Path:
    names = ",".join(bunch.feature_names)
    rows = [",".join(map(repr, row)) for row in bunch.data.tolist()]
    path.write_text("\n".join([names, *rows]), "utf-8")
    return path


@pytest.mark.parametrize("name", ["iris", "wine", "digits"])
def test_data_set_of_scikit_learn_passes_its_inferred_contract(tmp_path: Path, name: str) -> None:
    bunch = getattr(datasets, f"load_{name}")()
    path = write_csv(tmp_path / f"{name}.csv", bunch)
    contract = infer(path, ranges=True)
    assert {field.logical_type for field in contract.tables[0].fields} == {"number"}
    result = check(path, contract)
    assert (result.findings, result.rows) == ((), len(bunch.data))


def test_penguins_with_missing_values_pass_their_contract(tmp_path: Path) -> None:
    path = tmp_path / "penguins.csv"
    path.write_text(PENGUINS, "utf-8")
    contract = infer(path)
    fields = fields_of(contract)
    assert fields["body_mass_g"].logical_type == "integer"
    assert not fields["body_mass_g"].is_required
    assert not fields["sex"].is_required
    assert fields["bill_length_mm"].logical_type == "number"
    assert fields["year"].is_required
    assert check(path, contract).findings == ()


def test_spellings_of_csv_survive_inference_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "code,whole,empty,time,big,phone,quoted\n"
        '001,1,,2024-01-01T10:00:00+02:00,9007199254740993,+4930,"a\nb"\n'
        '010,,NA,2024-06-01T10:00:00Z,99999999999999999999999,+4940,"NA"\n',
        "utf-8",
    )
    contract = infer(path, ranges=True)
    fields = fields_of(contract)
    assert {name: str(field.logical_type) for name, field in fields.items()} == {
        "code": "string",
        "whole": "integer",
        "empty": "",
        "time": "timestamp",
        "big": "integer",
        "phone": "string",
        "quoted": "string",
    }
    assert fields["big"].minimum == 2**53 + 1
    assert fields["big"].maximum == 99999999999999999999999
    assert fields["quoted"].is_required
    assert check(path, contract).findings == ()


def test_types_of_parquet_survive_inference_and_check(tmp_path: Path) -> None:
    zone = pa.timestamp("us", tz="Europe/Berlin")
    moment = dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)
    table = pa.table(
        {
            "whole": pa.array([1, None, 2**53 + 1]),
            "empty": pa.nulls(3),
            "time": pa.array([moment] * 3, zone),
            "day": pa.array([dt.date(2024, 1, 1)] * 3),
            "list": [[1, 2], None, [3]],
            "object": [{"a": 1, "b": "x"}, {"a": None, "b": "y"}, {"a": 2, "b": "z"}],
            "category": pa.array(["a", "b", "a"]).dictionary_encode(),
            "money": [Decimal("1.50"), None, Decimal("2.25")],
            "small": pa.array([1, 2, 3], pa.float32()),
            "nan": [1.5, float("nan"), 2.5],
        }
    )
    path = tmp_path / "t.parquet"
    parquet.write_table(table, path)
    contract = infer(path, ranges=True)
    fields = fields_of(contract)
    assert (fields["whole"].physical_type, fields["whole"].maximum) == ("int64", 2**53 + 1)
    assert fields["time"].physical_type == "timestamp[us, tz=Europe/Berlin]"
    assert (fields["empty"].logical_type, fields["empty"].is_required) == ("", False)
    assert fields["list"].items is not None
    assert fields["list"].items.logical_type == "integer"
    assert [f.is_required for f in fields["object"].fields] == [False, True]
    assert not fields["nan"].is_required
    assert check(path, contract).findings == ()


def test_json_lines_with_absent_and_nested_fields_pass_their_contract(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": 2**70, "mixed": 1, "deep": {"list": [1, {"x": None}]}, "code": "001"},
        {"id": 2**53 + 1, "mixed": "a", "deep": {"list": []}, "code": "2", "late": 1.5},
    ]
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    contract = infer(path, ranges=True)
    fields = fields_of(contract)
    assert (fields["id"].logical_type, fields["id"].maximum) == ("integer", 2**70)
    assert fields["mixed"].logical_type == ""
    assert fields["code"].logical_type == "string"
    assert fields["late"].is_optional
    assert not fields["id"].is_optional
    assert check(path, contract).findings == ()


def test_float_in_last_row_of_million_integers_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("n\n" + "7\n" * 999_999 + "7.5\n", "utf-8")
    contract = infer(path)
    assert fields_of(contract)["n"].logical_type == "number"
    path.write_text("n\n" + "7\n" * 999_999 + "8\n", "utf-8")
    whole = infer(path)
    assert fields_of(whole)["n"].logical_type == "integer"
    path.write_text("n\n" + "7\n" * 999_999 + "7.5\n", "utf-8")
    result = check(path, whole)
    assert refused(result) == [("n", "type", 1)]
    assert result.findings[0].rows == ((1_000_000, "7.5"),)


def test_category_is_inferred_only_from_values_that_repeat(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    lines = [f"{('red', 'blue')[row % 2]},name{row}" for row in range(40)]
    path.write_text("\n".join(["colour,name", *lines]), "utf-8")
    fields = fields_of(infer(path))
    assert fields["colour"].enum == ("blue", "red")
    assert fields["name"].enum is None


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors"])
def test_arrays_pass_their_inferred_contract(tmp_path: Path, suffix: str) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    digits = datasets.load_digits().images.astype("float32")
    path = tmp_path / f"digits{suffix}"
    if suffix == ".npy":
        np.save(path, digits)
    elif suffix == ".npz":
        np.savez_compressed(path, values=digits)
    else:
        save_file({"values": digits}, path)
    arrays = read_arrays(str(path), path.name)
    table = infer_arrays("digits", arrays)
    tensor = table.fields[0].tensor
    assert tensor is not None
    assert (tensor.datatype, tensor.shape) == ("FP32", (-1, 8, 8))
    contract = make_contract("digits", (path.name,), (table,))
    assert list(check_arrays(contract, table, arrays)) == []


def test_arrays_of_another_form_are_refused(tmp_path: Path) -> None:
    import numpy as np

    one, other = tmp_path / "one.npy", tmp_path / "other.npy"
    np.save(one, np.zeros((3, 8)))
    np.save(other, np.full((3, 9), np.nan, "float32"))
    table = infer_arrays("t", read_arrays(str(one), "one.npy"))
    contract = make_contract("t", (), (table,))
    found = list(check_arrays(contract, table, read_arrays(str(other), "other.npy")))
    assert [(each.rule, each.count) for each in found] == [
        ("datatype", 1),
        ("shape", 1),
        ("required", 27),
    ]
    objects = tmp_path / "objects.npy"
    np.save(objects, np.array([{}]), allow_pickle=True)
    with pytest.raises(DatmoError, match="only unpickling reads"):
        read_arrays(str(objects), "objects.npy")


@pytest.mark.parametrize(
    ("path", "name"), [("data/faces/", "faces"), ("a b.tar.csv", "a-b"), ("data/.csv", "data")]
)
def test_contract_is_named_after_last_component(path: str, name: str) -> None:
    assert name_after(path) == name
