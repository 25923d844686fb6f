"""Test gates: their language, their metrics, and exact comparison."""

from __future__ import annotations

from fractions import Fraction

import pytest

from git_datmo.errors import DatmoError
from git_datmo.model_tests.gate_language import parse_gate
from git_datmo.model_tests.gate_metrics import NoMetric, compute_metric


def test_gate_has_metric_slice_and_bound() -> None:
    gate = parse_gate("accuracy where 'home town' = \"New York\" >= champion - 0.5%")
    assert (gate.metric, gate.field, gate.value) == ("accuracy", "home town", "New York")
    assert (gate.bound, gate.is_relative) == (Fraction(-5, 1000), True)
    by_city = parse_gate("mae by city < 3e-1")
    assert (by_city.field, by_city.value, by_city.bound) == ("city", None, Fraction(3, 10))
    assert parse_gate("rmse <= champion").limit(Fraction(2)) == 2
    assert parse_gate("flips <= 2%").needs_champion


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "a metric"),
        ("f1 > 1", "'f1' is not a metric"),
        ("accuracy = 1", "one of < <= > >="),
        ("accuracy > much", "'much' is not a number"),
        ("accuracy > 1/0", "'1/0' is not a number"),
        ("accuracy > champion 1", "'+' or '-'"),
        ("accuracy > 1 2", "the end"),
        ("flips < champion", "need a number"),
        ("accuracy where city > 1", "'=' is expected"),
    ],
)
def test_text_that_is_no_gate_is_refused(text: str, says: str) -> None:
    with pytest.raises(DatmoError) as caught:
        parse_gate(text)
    assert says in caught.value.what


def test_bound_is_not_missed_by_rounding() -> None:
    # As floats, 0.9 - 0.1 is more than 0.8, and the gate would fail.
    gate = parse_gate("accuracy >= champion - 0.3")
    labels = ["x"] * 10
    others = compute_metric("accuracy", labels, ["x"] * 9 + ["y"], None)
    found = compute_metric("accuracy", labels, ["x"] * 6 + ["y"] * 4, None)
    assert gate.holds(found, others)
    assert not gate.holds(found - Fraction(1, 10**30), others)


def test_flips_are_rows_that_only_the_champion_answers_rightly() -> None:
    labels, answers, champion = [1, 1, 2, 2], [1, 0, 2, 0], [1, 1, 0, 0]
    assert compute_metric("flips", labels, answers, champion) == Fraction(1, 4)


def test_errors_of_numbers_are_means() -> None:
    assert compute_metric("mae", [1, 2.5], [2, 2.0], None) == Fraction(3, 4)
    assert compute_metric("rmse", [0, 0], [3, 3], None) == 3
    for bad in (float("nan"), float("inf"), "1", True):
        with pytest.raises(NoMetric):
            compute_metric("mae", [1], [bad], None)
    assert compute_metric("accuracy", [True, 1], [1, 1.0], None) == Fraction(1, 2)
