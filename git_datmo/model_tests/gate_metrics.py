"""Compute the metrics of gates exactly, so that a bound never fails by rounding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any


class NoMetric(ValueError):
    """Error of answers and labels that a metric is not defined for."""


def compute_metric(
    metric: str, labels: Sequence[Any], answers: Sequence[Any], champion: Sequence[Any] | None
) -> Fraction:
    """Return a metric of a model's answers; raise `NoMetric` if it is not defined.

    `champion` are the champion's answers to the same rows, which `flips` needs.
    """
    if not labels:
        raise NoMetric("no row is held out")
    if metric == "accuracy":
        return _share(map(is_same, labels, answers), len(labels))
    if metric == "flips":
        if champion is None:
            raise NoMetric("there is no champion")
        rows = zip(labels, answers, champion, strict=True)
        return _share((is_same(y, c) and not is_same(y, a) for y, a, c in rows), len(labels))
    errors = [abs(_number(y) - _number(a)) for y, a in zip(labels, answers, strict=True)]
    if metric == "mae":
        return sum(errors, Fraction(0)) / len(errors)
    squares = sum((error * error for error in errors), Fraction(0)) / len(errors)
    return Fraction(_square_root(squares))


def is_same(label: Any, answer: Any) -> bool:
    """Return True if an answer is the label. A boolean is no number, and 1 is 1.0."""
    if isinstance(label, bool) is not isinstance(answer, bool):
        return False
    return bool(label == answer)


def _share(flags: Any, count: int) -> Fraction:
    return Fraction(sum(map(bool, flags)), count)


def _number(value: Any) -> Fraction:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        raise NoMetric(f"'{value}' is not a finite number")
    return Fraction(value)


def _square_root(value: Fraction) -> float:
    try:
        return math.sqrt(value)
    except OverflowError as error:
        raise NoMetric("the errors are too large") from error
