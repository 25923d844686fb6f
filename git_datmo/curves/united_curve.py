"""Unite the curves of a run and of the runs that it resumes.

A resumed run goes on from a checkpoint. So from its smallest step on, its points replace those of
the earlier attempts. Steps that are NaN replace nothing.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from git_datmo.curves.curve_points import Points, no_points


@dataclass(frozen=True, slots=True)
class Piece:
    """Points that one attempt contributes, and the number of its points that a later one replaced.

    `attempt` is the id of the attempt's snapshot.
    """

    attempt: str
    points: Points
    replaced: int


@dataclass(frozen=True, slots=True)
class UnitedCurve:
    """Curve of several attempts, whose pieces are in the order of the attempts."""

    pieces: tuple[Piece, ...]

    @property
    def points(self) -> Points:
        """Return the points of all pieces."""
        made = no_points()
        for piece in self.pieces:
            made.values.extend(piece.points.values)
            made.steps.extend(piece.points.steps)
            made.times.extend(piece.points.times)
        return made

    @property
    def replaced(self) -> int:
        """Return the number of points that later attempts replaced."""
        return sum(piece.replaced for piece in self.pieces)


def unite_attempts(attempts: Sequence[tuple[str, Points]]) -> UnitedCurve:
    """Unite the curves of attempts, each with its snapshot's id, the earliest first."""
    pieces: list[Piece] = []
    # NaN is neither smaller nor larger than any step.
    limit = math.nan
    for attempt, points in reversed(attempts):
        kept = _select(points, (not step >= limit for step in points.steps))
        pieces.append(Piece(attempt, kept, len(points) - len(kept)))
        steps = [step for step in (limit, *points.steps) if not math.isnan(step)]
        limit = min(steps, default=math.nan)
    return UnitedCurve(tuple(reversed(pieces)))


def united_columns(curve: UnitedCurve) -> dict[str, list[Any]]:
    """Return the points of a curve as the columns `step`, `time`, `value` and `experiment`."""
    points = curve.points
    return {
        "step": list(points.steps),
        "time": list(points.times),
        "value": list(points.values),
        "experiment": [each.attempt for each in curve.pieces for _ in range(len(each.points))],
    }


def _select(points: Points, chosen: Iterable[bool]) -> Points:
    """Return the points that are chosen, in their order."""
    marks = list(chosen)
    if all(marks):
        return points
    return Points(
        array("d", compress(points.values, marks)),
        array("d", compress(points.steps, marks)),
        array("q", compress(points.times, marks)),
    )
