"""Hold the points of a curve in columns: the values of one metric with their steps and times."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"datmo-curve 1"
BLOCK = 4096
"""Points of a block; the last block may have fewer."""
WIDTH, FACTOR = 64, 4
"""Points of a bucket of the finest level, and how many buckets one of the next level unites."""
EXACT = 1 << 53
"""Whole steps up to this one are exact as floating point numbers."""


@dataclass(frozen=True, slots=True)
class Points:
    """Points in the order in which they were recorded.

    `steps` are numbers in any order. `times` are microseconds since 1970 (UTC).
    """

    values: array[float]
    steps: array[float]
    times: array[int]

    def __len__(self) -> int:
        return len(self.values)


def no_points() -> Points:
    """Return columns without any point."""
    return Points(array("d"), array("d"), array("q"))


@dataclass(frozen=True, slots=True)
class Buckets:
    """Smallest and largest values of consecutive points.

    Each bucket has `width` points, the last one perhaps fewer. `steps` and `times` are those of its
    first point. A bucket of which no value is a number has NaN as both.
    """

    width: int
    steps: array[float]
    times: array[int]
    low: array[float]
    high: array[float]

    def __len__(self) -> int:
        return len(self.low)


def level_widths(points: int) -> Iterator[int]:
    """Yield the widths of the levels of a curve, the finest first."""
    width = WIDTH
    while width < points:
        yield width
        width *= FACTOR
