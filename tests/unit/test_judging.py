"""Test the verdict that follows from a comparison."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.records.receipt_record import ReceiptDifference
from git_datmo.runs.crash_endings import TAIL, Tail, last_words
from git_datmo.runs.verdict import DIFFERENT, IDENTICAL, NOTHING, WITHIN, compare_metric, conclude

SAME = ReceiptDifference("x", "a", "a", same=True, off=0.0)
RESPELT = ReceiptDifference("x", "a", "b", same=True, off=0.0, detail="other bytes")
OTHER = ReceiptDifference("x", "a", "b", same=False, off=0.5, detail="off")
GONE = ReceiptDifference("x", "a", None, same=False)
METRIC, OFF = compare_metric("m", 1.0, 1.0, None), compare_metric("m", 1.0, 1.1, None)
NEAR = compare_metric("m", 1.0, 1.1, 0.2)

CASES = {
    "all the same": ((METRIC,), (SAME,), {}, IDENTICAL),
    "nothing to compare": ((), (), {}, NOTHING),
    "a tolerance that was not needed": ((METRIC,), (SAME,), {"m": 1.0}, IDENTICAL),
    "a metric is off": ((OFF,), (SAME,), {}, DIFFERENT),
    "a metric is near": ((NEAR,), (SAME,), {"m": 0.2}, WITHIN),
    "the metrics decide": ((NEAR,), (OTHER,), {"m": 0.2}, WITHIN),
    "the metrics decide, and are equal": ((METRIC,), (OTHER,), {"m": 0.2}, WITHIN),
    "an output must be there": ((NEAR,), (GONE,), {"m": 0.2}, DIFFERENT),
    "an output has a tolerance of its own": ((NEAR,), (OTHER,), {"m": 0.2, "x": 0.1}, DIFFERENT),
    "an output's tolerance says nothing of metrics": ((OFF,), (RESPELT,), {"x": 9.0}, DIFFERENT),
    "an output holds the same": ((METRIC,), (RESPELT,), {}, WITHIN),
    "an output differs": ((METRIC,), (OTHER,), {}, DIFFERENT),
}


@pytest.mark.parametrize("name", CASES)
def test_verdict_follows_from_metrics_outputs_and_tolerances(name: str) -> None:
    metrics, outputs, tolerances, verdict = CASES[name]
    assert conclude(metrics, outputs, tolerances) == verdict


numbers = st.floats(allow_nan=True) | st.integers(-(10**400), 10**400)


@given(numbers, numbers, st.none() | st.floats(0, 1e300))
def test_metrics_are_compared_as_numbers(one: float, other: float, tolerance: float | None) -> None:
    found = compare_metric("m", one, other, tolerance)
    again = compare_metric("m", other, one, tolerance)
    assert (found.same, found.off) == (again.same, again.off)
    assert compare_metric("m", one, one, None).off == 0.0, "NaN too"
    assert found.off is None or (math.isfinite(found.off) and found.off >= 0)
    if found.same and found.off:
        assert tolerance is not None
        assert found.off <= tolerance


@pytest.mark.parametrize(
    ("one", "other"), [("a", "b"), (True, 1.0), (1.0, None), ("NaN", "Infinity"), (None, "x")]
)
def test_metric_that_is_no_number_is_compared_exactly(
    one: float | str | None, other: float | str | None
) -> None:
    assert not compare_metric("m", one, other, 1e9).same or one == other
    assert compare_metric("m", one, one, None).same


def test_last_words_of_failed_command_are_its_exception() -> None:
    log = b"epoch 1\nTraceback (most recent call last):\n  File x\nValueError: bad 3\nException ignored in: x\n"
    assert last_words(log) == "ValueError: bad 3"
    assert last_words(b"one\nKilled\n\n") == "Killed"
    assert last_words(b"") == ""


def test_tail_keeps_the_end_of_the_output() -> None:
    passed: list[bytes] = []
    tail = Tail(lambda _, data: passed.append(data))
    for _ in range(100):
        tail("stdout", b"x" * (TAIL // 10))
    tail("stderr", b"end")
    assert b"".join(passed) == b"x" * (TAIL // 10 * 100) + b"end"
    assert tail.text.endswith(b"xend")
    assert len(tail.text) == TAIL


def test_metric_that_is_a_time_is_ignored_by_verdict() -> None:
    took = compare_metric("fit_time", 1.5, 2.5, None)
    assert (took.same, took.detail) == (True, "a time, which no rerun repeats")
    assert conclude((METRIC, took), (), {}) == IDENTICAL
    assert not compare_metric("fit_time", 1.5, 2.5, 0.5).same, "a tolerance says that it counts"
    assert not compare_metric("time_step_error", 1.5, 2.5, None).same
