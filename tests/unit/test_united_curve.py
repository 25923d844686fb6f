"""Test that curves of attempts are united, and that the later attempt wins."""

from __future__ import annotations

import math
from array import array

from hypothesis import given
from hypothesis import strategies as st

from git_datmo.curves.curve_points import Points, no_points
from git_datmo.curves.united_curve import unite_attempts, united_columns


def points(*steps: float, value: float = 0.0) -> Points:
    count = len(steps)
    return Points(array("d", [value] * count), array("d", steps), array("q", range(count)))


def test_later_attempt_replaces_from_its_smallest_step_on() -> None:
    united = unite_attempts([("a", points(0, 1, 2, 9)), ("b", points(3, 2, 5, value=1))])
    assert united_columns(united) == {
        "step": [0, 1, 3, 2, 5],
        "time": [0, 1, 0, 1, 2],
        "value": [0, 0, 1, 1, 1],
        "experiment": ["a", "a", "b", "b", "b"],
    }
    assert [piece.replaced for piece in united.pieces] == [2, 0]
    assert united.replaced == 2


def test_third_attempt_replaces_both_earlier_ones() -> None:
    united = unite_attempts([("a", points(0, 1, 2)), ("b", points(2, 3)), ("c", points(1))])
    assert [list(piece.points.steps) for piece in united.pieces] == [[0], [], [1]]


def test_steps_that_are_nan_neither_replace_nor_go() -> None:
    united = unite_attempts([("a", points(0, math.nan, 5)), ("b", points(math.nan, 4))])
    assert [len(piece.points) for piece in united.pieces] == [2, 2]
    assert [len(each.points) for each in unite_attempts([("a", no_points())]).pieces] == [0]


@given(st.lists(st.lists(st.floats(allow_nan=True)), min_size=1, max_size=4))
def test_points_of_attempts_are_kept_or_counted_as_replaced(steps: list[list[float]]) -> None:
    attempts = [(str(number), points(*each)) for number, each in enumerate(steps)]
    united = unite_attempts(attempts)
    counts = [len(piece.points) + piece.replaced for piece in united.pieces]
    assert counts == [len(each) for _, each in attempts]
    assert united.pieces[-1].replaced == 0
    assert len(united.points) == sum(len(piece.points) for piece in united.pieces)
