"""Test that every request is read, or refused with an error that names a status."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.contracts.contract_types import Field, Table, Tensor
from git_datmo.serving.mlflow_requests import FORMS, encode_predictions, parse_invocation
from git_datmo.serving.named_tensors import DATATYPES, NamedTensor, RefusedRequest
from git_datmo.serving.open_inference import encode_inference, parse_inference
from git_datmo.serving.request_checks import check_arrays

NAMES = st.sampled_from(["a", "b", "c", "x", "other", ""])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=3),
    st.sampled_from(["2024-01-01", "\ud800", "1e400", 10**400]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
TABLES = (
    Table("open", port="input", fields=(Field("a", logical_type="integer", minimum=0),)),
    Table(
        "closed",
        port="output",
        fields=(
            Field("a", logical_type="number", is_required=True, maximum=3),
            Field("b", logical_type="string", pattern="^2", enum=("2024-01-01", "x")),
            Field("c", logical_type="date", minimum="2020-01-01"),
            Field("other", enum=(1, Decimal("0.1")), multiple_of=Decimal("0.1")),
            Field("x", logical_type="array", is_required=True, tensor=Tensor("FP32", (-1, 2))),
        ),
    ),
)


@st.composite
def rows(draw: st.DrawFn) -> object:
    """Return a document of MLflow's formats, or nearly one."""
    form = draw(st.sampled_from(FORMS))
    records = st.lists(st.dictionaries(NAMES, VALUES, max_size=3), max_size=3)
    split = st.fixed_dictionaries(
        {"columns": st.lists(NAMES, max_size=3), "data": st.lists(st.lists(VALUES, max_size=3))}
    )
    return {form: draw(st.one_of(VALUES, records, split))}


@st.composite
def inputs(draw: st.DrawFn) -> object:
    """Return a document of the Open Inference Protocol, or nearly one."""
    entry = st.fixed_dictionaries(
        {
            "name": st.one_of(NAMES, VALUES),
            "datatype": st.one_of(st.sampled_from(DATATYPES), VALUES),
            "shape": st.one_of(st.lists(st.integers(-1, 3), max_size=3), VALUES),
            "data": st.one_of(st.lists(LEAVES, max_size=6), VALUES),
        },
        optional={"parameters": st.dictionaries(st.just("binary_data_size"), VALUES)},
    )
    return {"inputs": draw(st.one_of(st.lists(entry, max_size=3), VALUES))}


def read(parse: Callable[[], tuple[NamedTensor, ...]]) -> None:
    """Read a request, check it, and write its arrays as an answer."""
    refusal = None
    try:
        tensors = parse()
        broken = tuple(violation for table in TABLES for violation in check_arrays(table, tensors))
    except RefusedRequest as error:
        refusal, tensors, broken = error, (), error.violations
    assert refusal is None or refusal.status == 400
    for tensor in tensors:
        assert len(tensor.values()) == math.prod(tensor.shape)
    json.dumps([violation.document() for violation in broken], allow_nan=False)
    if tensors:
        json.loads(encode_predictions(tensors))
        json.loads(encode_inference({}, [(tensor, False) for tensor in tensors])[0])


@given(st.one_of(rows(), VALUES), st.sampled_from(["", "INT64", "FP64", "BYTES", "BOOL"]))
def test_rows_of_any_form_are_read_or_refused(document: object, datatype: str) -> None:
    body = json.dumps(document).encode()
    read(lambda: parse_invocation(body, "application/json", lambda _: datatype, "input"))


@given(st.one_of(inputs(), VALUES), st.one_of(st.none(), st.text(max_size=3)))
def test_tensors_of_any_form_are_read_or_refused(document: object, length: str | None) -> None:
    body = json.dumps(document).encode()
    read(lambda: parse_inference(body, length).tensors)


@pytest.mark.parametrize("kind", ["text/csv", "application/json"])
@given(st.one_of(st.binary(max_size=30), st.text(alphabet='a,b\n"1.é\x00', max_size=20)))
def test_bytes_of_any_kind_are_read_or_refused(kind: str, body: bytes | str) -> None:
    content = body.encode() if isinstance(body, str) else body
    read(lambda: parse_invocation(content, kind, lambda _: "", "input"))
    read(lambda: parse_inference(content, "3").tensors)
