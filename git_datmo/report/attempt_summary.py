"""Summarise the attempts of a resumed run, and the curves that they have together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from git_datmo.errors import DatmoError
from git_datmo.history.attempts import Attempt, attempts_of
from git_datmo.history.experiments import Found, History
from git_datmo.progress import QUIET, Progress
from git_datmo.repository.workspace import Workspace
from git_datmo.suggest import nearest

if TYPE_CHECKING:
    from git_datmo.curves.united_curve import UnitedCurve


@dataclass(frozen=True, slots=True)
class CurveSummary:
    """Summary of a united curve.

    `best` is None if no attempt says which values are better. `replaced` is the number of points
    of earlier attempts that a later one replaced.
    """

    points: int
    attempts: int
    replaced: int
    last: float
    low: float
    high: float
    best: float | None


@dataclass(frozen=True, slots=True)
class AttemptSummary:
    """Attempts of a resumed run, the earliest first, and summaries of their united curves.

    `curves` is None if some curves are available nowhere.
    """

    attempts: tuple[Attempt, ...]
    curves: Mapping[str, CurveSummary] | None


def summarise_attempts(
    ws: Workspace, history: History, found: Found, progress: Progress = QUIET
) -> AttemptSummary | None:
    """Return the attempts of an experiment; None if it resumes none that is known.

    Curves that are missing are fetched.
    """
    attempts = attempts_of(history, found.id, found.snapshot)
    if len(attempts) < 2:
        return None
    # Most experiments resume none, and `show` starts sooner without the code of curves.
    from git_datmo.remotes.obtained_curves import read_united

    try:
        curves = read_united(ws, attempts, progress)
    except DatmoError:
        return AttemptSummary(attempts, None)
    return AttemptSummary(
        attempts,
        {name: _summarise(curve, _goal(attempts, name)) for name, curve in curves.items()},
    )


def curve_columns(
    ws: Workspace, name: str, metric: str, *, united: bool, progress: Progress = QUIET
) -> dict[str, list[Any]]:
    """Return the curve of a metric of the experiment `name` as columns (`united_columns`).

    Raises `DatmoError` if the experiment has no curve of the metric, and `Incomplete` if the curve
    is available nowhere.
    """
    from git_datmo.curves.united_curve import united_columns
    from git_datmo.remotes.obtained_curves import read_united

    history = History(ws)
    found = history.resolve(name)
    attempts = attempts_of(history, found.id, found.snapshot)
    curves = read_united(ws, attempts if united else attempts[-1:], progress)
    if metric not in curves:
        near = nearest(metric, curves)
        raise DatmoError(
            f"experiment '{str(found.id)[:10]}' has no curve '{metric[:100]}'",
            f"did you mean '{near[:100]}'?" if near else "'git datmo show' lists its curves",
        )
    return united_columns(curves[metric])


def _goal(attempts: tuple[Attempt, ...], name: str) -> str:
    """Return the goal that the latest attempt recorded for a metric; '' for none."""
    goals = [each.snapshot.curves[name].goal for each in attempts if name in each.snapshot.curves]
    return next(filter(None, reversed(goals)), "")


def _summarise(curve: UnitedCurve, goal: str) -> CurveSummary:
    """Return the summary of a curve."""
    from git_datmo.curves.curve_writer import find_bounds

    points = curve.points
    low, high = find_bounds(points.values)
    return CurveSummary(
        len(points),
        # An attempt whose points are all replaced does not count.
        sum(bool(len(piece.points)) for piece in curve.pieces),
        curve.replaced,
        points.values[-1],
        low,
        high,
        {"min": low, "max": high}.get(goal),
    )
