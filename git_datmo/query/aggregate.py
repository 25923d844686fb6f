"""Group experiments by values, and summarise the numbers of a group."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from git_datmo.query.evaluate import Row, as_number, sort_key
from git_datmo.records.record_values import Value


@dataclass(frozen=True, slots=True)
class Group:
    """Experiments that have the same values; None stands for a missing value."""

    values: tuple[Value | None, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """Summary of `count` numbers.

    `deviation` is that of a sample (n - 1), or None for fewer than two numbers. All are NaN if one
    of the numbers is.
    """

    count: int
    mean: float
    deviation: float | None
    low: float
    high: float


def group_rows(rows: Iterable[Row], names: Sequence[str]) -> list[Group]:
    """Return the groups of rows that have the same values of `names`, in order of the values."""
    grouped: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        # The type is part of the key, since `True`, `1` and `1.0` are equal in Python.
        key = tuple((isinstance(row.get(name), bool), row.get(name)) for name in names)
        grouped.setdefault(key, []).append(row)
    groups = [
        Group(tuple(members[0].get(name) for name in names), tuple(members))
        for members in grouped.values()
    ]
    return sorted(groups, key=lambda group: [sort_key(v, falling=False) for v in group.values])


def numbers_of(rows: Iterable[Row], name: str) -> list[float]:
    """Return the numbers that rows have under a name."""
    found = (as_number(row.get(name)) for row in rows)
    return [to_float(number) for number in found if number is not None]


def to_float(number: float) -> float:
    """Return a number as a float; infinite if it is too large."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def summarise(numbers: Sequence[float]) -> Summary | None:
    """Return the summary of numbers; None if there are none."""
    if not numbers:
        return None
    if any(map(math.isnan, numbers)):
        deviation = math.nan if len(numbers) > 1 else None
        return Summary(len(numbers), math.nan, deviation, math.nan, math.nan)
    low, high = min(numbers), max(numbers)
    # The mean of equal numbers may be rounded, and then they seem to differ.
    mean = low if low == high else _mean(numbers)
    return Summary(len(numbers), mean, _deviation(numbers, mean), low, high)


def _mean(numbers: Sequence[float]) -> float:
    # `math.fsum` raises an error for infinities of both signs.
    if not all(map(math.isfinite, numbers)):
        return math.nan if math.inf in numbers and -math.inf in numbers else sum(numbers)
    try:
        return math.fsum(numbers) / len(numbers)
    except OverflowError:
        # The sum may exceed the range of a float although the mean does not.
        return math.fsum(number / len(numbers) for number in numbers)


def _deviation(numbers: Sequence[float], mean: float) -> float | None:
    if len(numbers) < 2:
        return None
    if not math.isfinite(mean):
        return math.nan
    try:
        squares = math.fsum((number - mean) ** 2 for number in numbers)
    except OverflowError:
        return math.inf
    return math.sqrt(squares / (len(numbers) - 1))
