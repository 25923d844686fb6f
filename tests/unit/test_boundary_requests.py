"""Test the requests that are generated from a contract."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest

from git_datmo.contracts.contract_types import Field, Table, Tensor
from git_datmo.model_tests.boundary_requests import NoRequest, boundary_requests, tensors_of_row


def sent(*fields: Field) -> dict[str, list[object]]:
    """Return the values that are accepted and refused, of the first field."""
    found: dict[str, list[object]] = {"accepted": [], "refused": []}
    for request in boundary_requests(Table("request", port="input", fields=fields)):
        if request.field == fields[0].name:
            value = request.row.get(request.field, "absent")
            found["accepted" if request.is_accepted else "refused"].append(value)
    return found


def test_numbers_are_at_and_beside_their_bounds() -> None:
    age = Field("age", logical_type="integer", minimum=0, maximum=9, is_maximum_exclusive=True)
    other = Field("b", logical_type="boolean")
    found = sent(age, other)
    assert {0, 1, 8, None} <= {*found["accepted"]}
    assert {-1, 9, 10, "text", "absent"} <= {*found["refused"]}
    half = Field("x", logical_type="number", multiple_of=Decimal("0.5"), minimum=1)
    assert {1.0, 1.5} <= {*sent(half)["accepted"]}
    assert 0.5 in sent(half)["refused"]


def test_texts_are_at_their_lengths_and_categories() -> None:
    name = Field("name", logical_type="string", min_length=2, max_length=3, is_required=True)
    found = sent(name)
    assert {"aa", "aaa"} <= {*found["accepted"]}
    assert {"", "a", "aaaa", None, 1} <= {*found["refused"]}
    city = Field("city", logical_type="string", enum=("Oslo",), is_optional=True)
    found = sent(city, Field("b", logical_type="boolean"))
    assert found["accepted"] == ["Oslo", None, "absent"]


def test_arrays_have_the_declared_shape() -> None:
    image = Field("image", tensor=Tensor("FP32", (-1, 2, 3)), minimum=0, maximum=1)
    table = Table("request", port="input", fields=(image,))
    request = next(each for each in boundary_requests(table) if each.is_accepted)
    (tensor,) = tensors_of_row(table, request.row)
    assert (tensor.datatype, tensor.shape, len(tensor.data)) == ("FP32", (1, 2, 3), 24)


def test_pattern_needs_an_example() -> None:
    code = Field("code", logical_type="string", pattern="^[0-9]{5}$", is_required=True)
    with pytest.raises(NoRequest, match="give the field examples"):
        sent(code)
    known = dataclasses.replace(code, examples=("12345",))
    request = next(each for each in boundary_requests(Table("r", fields=(known,))))
    assert request.field == "code"
