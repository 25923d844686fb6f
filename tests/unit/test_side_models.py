"""Test the comparison of a shadow's answers, and the share of a canary."""

from __future__ import annotations

import uuid

import pytest

from git_datmo.serving.named_tensors import NamedTensor, tensor_of_json
from git_datmo.serving.served_model import ServedModel
from git_datmo.serving.side_models import Canary, SideModel, are_alike
from tests.support.idle_pool import IdlePool

NAN = float("nan")


def array(*values: float) -> NamedTensor:
    return tensor_of_json("y", "FP64", list(values))


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ((1.0, NAN), (1.0 + 1e-9, NAN), True),
        ((1.0,), (1.001,), False),
        ((1.0,), (1.0, 1.0), False),
        ((1.0,) * 1001, (1.0 + 1e-9,) * 1001, False),
        ((1.0,) * 1001, (1.0,) * 1001, True),
    ],
)
def test_answers_are_alike_up_to_rounding(
    one: tuple[float, ...], other: tuple[float, ...], alike: bool
) -> None:
    assert are_alike((array(*one),), (array(*other),)) is alike
    assert not are_alike((array(*one),), ())


def test_share_of_canary_is_decided_by_the_id_alone() -> None:
    model = ServedModel("a" * 40, "c" * 40, "adder", None, IdlePool())
    side = SideModel("canary", model, print)
    canary = Canary(side, 0.25)
    numbers = [uuid.UUID(int=(index << 96) | 7) for index in range(0, 1 << 32, 1 << 24)]
    taken = [number for number in numbers if canary.takes(number)]
    assert taken == numbers[:64]
    assert all(map(Canary(side, 1.0).takes, numbers))
