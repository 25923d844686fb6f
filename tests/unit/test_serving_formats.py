"""Test how requests become arrays, and how arrays are checked and united."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import zlib
from decimal import Decimal

import pytest

from git_datmo.contracts.contract_types import Field, Table, Tensor
from git_datmo.serving.content_encodings import decompress_body
from git_datmo.serving.front_server import listen
from git_datmo.serving.mlflow_requests import encode_predictions, parse_invocation
from git_datmo.serving.named_tensors import NamedTensor, RefusedRequest, tensor_of_json
from git_datmo.serving.open_inference import parse_inference
from git_datmo.serving.request_checks import check_arrays, value_rules
from git_datmo.serving.row_batches import RowBatcher, divide_rows, unite_rows
from git_datmo.serving.worker.tensor_bytes import SIZES, flatten, pack_values, unpack_values
from git_datmo.serving.worker_process import ModelFailed


def columns(body: bytes, kind: str = "text/csv", **datatypes: str) -> dict[str, tuple[str, list]]:
    parsed = parse_invocation(body, kind, lambda name: datatypes.get(name, ""), "input")
    return {tensor.name: (tensor.datatype, tensor.values()) for tensor in parsed}


def test_csv_columns_keep_zeros_and_missing_values() -> None:
    text = b'id,n,x,flag\n007,1,1.5,true\n"8, 9",2,,false\n'
    found = columns(text, id="BYTES", flag="BOOL")
    assert found["id"] == ("BYTES", ["007", "8, 9"])
    assert found["n"] == ("INT64", [1, 2])
    assert found["x"][0] == "FP64"
    assert str(found["x"][1]) == "[1.5, nan]"
    assert found["flag"] == ("BOOL", [True, False])
    assert columns(b"n\n9007199254740993\n")["n"] == ("INT64", [9007199254740993])


@pytest.mark.parametrize(
    ("document", "rule"),
    [
        ({"dataframe_split": {"columns": ["a"], "data": [[1], [1, 2]]}}, "columns"),
        ({"dataframe_records": [{"a": 1}, {"b": 1}]}, "missing"),
        ({"instances": [[1, 2], [3]]}, "shape"),
        ({"inputs": {"a": [True, 3.5, "x", {}], "b": [[1], 2]}}, "shape"),
    ],
)
def test_rows_of_different_forms_are_refused(document: object, rule: str) -> None:
    with pytest.raises(RefusedRequest) as caught:
        columns(json.dumps(document).encode(), "application/json")
    assert caught.value.violations[0].rule == rule


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        ({"name": "a", "datatype": "FP65", "shape": [1], "data": [1]}, "datatype"),
        ({"name": "a", "datatype": "INT8", "shape": [1], "data": [300]}, "datatype"),
        ({"name": "a", "datatype": "INT8", "shape": [1], "data": [1.5]}, "datatype"),
        ({"name": "a", "datatype": "FP32", "shape": [1], "data": [float("-inf")]}, "finite"),
        ({"name": "a", "datatype": "FP32", "shape": [3], "data": [1, 2]}, "shape"),
        ({"name": "a", "datatype": "FP32", "shape": [-1], "data": [1, 2]}, "shape"),
        (
            {
                "name": "a",
                "datatype": "FP32",
                "shape": [1],
                "parameters": {"binary_data_size": 400},
            },
            "binary_data_size",
        ),
        (
            {"name": "a", "datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": 0}},
            "shape",
        ),
    ],
)
def test_input_that_does_not_fit_its_form_is_refused(entry: object, rule: str) -> None:
    text = json.dumps({"inputs": [entry]}).encode()
    with pytest.raises(RefusedRequest) as caught:
        parse_inference(text, str(len(text)))
    assert caught.value.violations[0].rule == rule


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(bytes(101)), "gzip", 413),
        (gzip.compress(b"{}")[:-1], "gzip", 400),
        (gzip.compress(b"{}") + b"x", "gzip", 400),
        (zlib.compress(b"{}"), "gzip", 400),
        (b"{}", "br", 415),
    ],
    ids=["large", "incomplete", "longer", "other", "unknown"],
)
def test_compressed_body_that_cannot_be_read_is_refused(
    body: bytes, encoding: str, status: int
) -> None:
    assert decompress_body(gzip.compress(bytes(100)), "GZIP", 100) == bytes(100)
    assert decompress_body(b"{}", "identity", 100) == b"{}"
    with pytest.raises(RefusedRequest) as caught:
        decompress_body(body, encoding, 100)
    assert caught.value.status == status


def test_listening_socket_names_tcp_so_that_answers_are_not_delayed() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_values_of_every_datatype_survive_as_bytes() -> None:
    for datatype in SIZES:
        values = [True, False] if datatype == "BOOL" else [0, 1, 100]
        assert unpack_values(datatype, pack_values(datatype, values)) == values
    assert unpack_values("BYTES", pack_values("BYTES", ["", "é", b"\xff"])) == ["", "é", b"\xff"]
    with pytest.raises(ValueError, match="incomplete"):
        unpack_values("BYTES", b"\x05\x00\x00\x00ab")
    assert flatten([[[1], [2]], [[3], [4]]]) == ((2, 2, 1), [1, 2, 3, 4])


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        (Field("f", logical_type="integer"), 1.0, ""),
        (Field("f", logical_type="integer"), 1.5, "type"),
        (Field("f", logical_type="number"), True, "type"),
        (Field("f", logical_type="number", is_required=True), float("nan"), "required"),
        (
            Field("f", logical_type="number", minimum=0, is_minimum_exclusive=True),
            0.0,
            "exclusiveMinimum",
        ),
        (Field("f", logical_type="number", maximum=Decimal("0.1")), 0.1, ""),
        (Field("f", logical_type="number", multiple_of=Decimal("0.1")), 0.3, ""),
        (Field("f", logical_type="number", multiple_of=Decimal("0.1")), 1e300, ""),
        (Field("f", multiple_of=Decimal("0.1")), float("inf"), "multipleOf"),
        (Field("f", multiple_of=Decimal(3)), 3 * 10**400, ""),
        (Field("f", logical_type="boolean"), True, ""),
        (Field("f", logical_type="string", enum=("a", "b")), "c", "enum"),
        (Field("f", logical_type="integer", enum=(1, 2)), 1.0, ""),
        (Field("f", enum=(Decimal("0.1"), Decimal(1))), 0.1, ""),
        (Field("f", enum=(Decimal("0.1"), Decimal(1))), 10**400, "enum"),
        (Field("f", logical_type="string", min_length=2), "a", "minLength"),
        (Field("f", logical_type="string", pattern="^[0-9]+$"), "12a", "pattern"),
        (Field("f", logical_type="date", minimum="2024-01-01"), "2023-12-31", "minimum"),
        (Field("f", logical_type="date"), "2023-02-30", "type"),
        (Field("f", logical_type="timestamp"), "2023-02-03T04:05:06Z", ""),
        (Field("f"), {"any": "thing"}, ""),
    ],
)
def test_value_breaks_the_rule_of_its_field(field: Field, value: object, rule: str) -> None:
    assert value_rules(field)(value) == rule


def test_tensor_of_another_form_breaks_its_field() -> None:
    table = Table("t", port="input", fields=(Field("x", tensor=Tensor("FP32", (-1, 2))),))

    def rules(datatype: str, values: list[object]) -> list[str]:
        return [v.rule for v in check_arrays(table, [tensor_of_json("x", datatype, values)])]

    assert rules("FP32", [[1, 2], [3, 4]]) == []
    assert rules("FP64", [[1, 2]]) == ["datatype"]
    assert rules("FP32", [[1, 2, 3]]) == ["shape"]


def test_elements_of_a_tensor_have_no_type_but_its_datatype() -> None:
    def rules(values: list[object], **limits: object) -> list[tuple[int | None, str]]:
        form = Tensor("FP32", (-1, 2))
        # As `contract infer` writes it for models.
        field = Field("x", logical_type="array", is_required=True, tensor=form, **limits)
        table = Table("t", port="input", fields=(field,))
        array = NamedTensor("x", "FP32", (2, 2), pack_values("FP32", values))
        return [(v.row, v.rule) for v in check_arrays(table, [array])]

    inf, nan = float("inf"), float("nan")
    assert rules([1, 2, inf, -inf]) == []
    assert rules([1, 2, 3, nan]) == [(1, "required")]
    assert rules([1, 2, 3, 40], maximum=10) == [(1, "maximum")]


def test_undeclared_output_breaks_closed_table_alone() -> None:
    sent = [tensor_of_json("x", "", [1]), tensor_of_json("y", "", [2])]
    for port, found in (("output", ["undeclared"]), ("input", [])):
        table = Table("t", port=port, fields=(Field("x"),))
        assert [v.rule for v in check_arrays(table, sent)] == found


def test_united_rows_are_divided_into_the_same_answers() -> None:
    requests = [
        (tensor_of_json("x", "", [[1, 2]]), tensor_of_json("s", "", ["a"])),
        (tensor_of_json("x", "", [[3, 4], [5, 6]]), tensor_of_json("s", "", ["b", "c"])),
    ]
    united = unite_rows(requests)
    assert united[0].nested() == [[1, 2], [3, 4], [5, 6]]
    assert divide_rows(united, [1, 2]) == requests
    with pytest.raises(ModelFailed, match="one row for each row"):
        divide_rows((tensor_of_json("y", "", [1]),), [1, 2])


def test_request_that_comes_when_a_batch_ends_is_answered() -> None:
    class Worker:
        async def predict(self, tensors: tuple[NamedTensor, ...]) -> tuple[NamedTensor, ...]:
            return tensors

    async def acquire() -> Worker:
        return Worker()

    async def test() -> None:
        batcher = RowBatcher(8, 8, 1, acquire, lambda _: None)
        request = (tensor_of_json("x", "FP64", [1.0]),)
        # Each answer wakes this coroutine while the task that gave it is about to end.
        for _ in range(3):
            assert await batcher.predict(request, 1) == request

    asyncio.run(asyncio.wait_for(test(), 10))


def test_several_outputs_become_records_with_finite_numbers() -> None:
    outputs = (
        NamedTensor("y", "FP64", (2,), pack_values("FP64", [1.5, float("nan")])),
        NamedTensor("name", "BYTES", (2,), pack_values("BYTES", ["a", "b"])),
    )
    assert json.loads(encode_predictions(outputs)) == {
        "predictions": [{"y": 1.5, "name": "a"}, {"y": None, "name": "b"}]
    }
