"""Test which arrays a model gets, and how its requests are described."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from git_datmo.contracts.contract_types import Contract, Field, Table, Tensor
from git_datmo.serving.model_contract import ModelContract
from git_datmo.serving.named_tensors import NamedTensor, tensor_of_json
from git_datmo.serving.openapi_document import field_schema
from git_datmo.serving.served_model import ServedModel
from tests.support.idle_pool import IdlePool

TABLE = Table("request", port="input", fields=(Field("a", "number"),))
CONTRACT = ModelContract(Contract("adder", tables=(TABLE,)), TABLE, None)


class EchoPool(IdlePool):
    """Answer with the arrays of the request."""

    async def predict(self, tensors: Sequence[NamedTensor]) -> tuple[NamedTensor, ...]:
        return tuple(tensors)


@pytest.mark.parametrize(
    ("contract", "is_found", "names"),
    [(CONTRACT, True, "a"), (CONTRACT, False, "ab"), (None, True, "ab")],
    ids=["found", "entry", "no-contract"],
)
def test_model_of_a_library_gets_declared_fields_alone(
    contract: ModelContract | None, is_found: bool, names: str
) -> None:
    model = ServedModel("a" * 40, "c" * 40, "adder", contract, EchoPool(), is_found=is_found)
    sent = [tensor_of_json(name, "FP64", [1.0]) for name in "ab"]
    assert [each.name for each in asyncio.run(model.predict(sent))] == list(names)


@pytest.mark.parametrize(
    ("tensor", "schema"),
    [
        (Tensor("BYTES", (-1,)), {"type": "string"}),
        (Tensor("INT8", (-1,)), {"type": "integer", "minimum": -128, "maximum": 127}),
        (Tensor("UINT8", (-1,)), {"type": "integer", "minimum": 0, "maximum": 255}),
        (Tensor("BF16", (-1,)), {}),
        (
            Tensor("FP64", (-1, 2, -1)),
            {
                "type": "array",
                "items": {"type": "array", "items": {"type": "number"}, "minItems": 1},
                "minItems": 2,
                "maxItems": 2,
            },
        ),
    ],
)
def test_row_of_an_array_is_described_with_its_shape(
    tensor: Tensor, schema: dict[str, object]
) -> None:
    assert field_schema(Field("a", "array", is_required=True, tensor=tensor)) == schema
