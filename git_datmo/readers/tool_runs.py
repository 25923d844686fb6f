"""The values that readers return: runs of other tools, with their metrics, parameters and tags."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from git_datmo.curves.curve_points import Points, no_points

Scalar = bool | int | float | str

# The ways in which a run can end. They are those of a snapshot's run.
SUCCEEDED, FAILED, STOPPED = "success", "failed", "killed"
# A time in milliseconds from here on has more than 63 bits in microseconds.
_TIME_LIMIT = 9e15


def add_point(points: Points, value: float, step: float, time: int) -> None:
    """Append one point."""
    points.values.append(value)
    points.steps.append(step)
    points.times.append(time)


def milliseconds(time: float) -> int:
    """Return a time in milliseconds as microseconds; 0 if a curve cannot hold it."""
    return int(time) * 1000 if abs(time) < _TIME_LIMIT else 0


@dataclass(slots=True)
class ToolRun:
    """A run as a tool or a script recorded it.

    `id` and `name` are the tool's own, `author` its user, `commit` the git commit that it noted.
    `started` and `ended` are microseconds since 1970 (UTC), or 0. `status` is '' if it is not
    known. `metrics` are final values of which the tool keeps no history. `lost` names what is in
    the tool's files and not in this object. `problems` are sentences about damage.
    """

    tool: str
    id: str = ""
    name: str = ""
    author: str = ""
    commit: str = ""
    command: tuple[str, ...] = ()
    started: int = 0
    ended: int = 0
    status: str = ""
    parameters: dict[str, Scalar] = field(default_factory=dict)
    metrics: dict[str, Scalar] = field(default_factory=dict)
    series: dict[str, Points] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, name: str, value: float, step: float, time: int) -> None:
        """Append a point to the series of the metric `name`. The time is 0 if it is not known."""
        points = self.series.get(name)
        if points is None:
            points = self.series[name] = no_points()
        add_point(points, value, step, time)

    def lose(self, what: str) -> None:
        """Name what is not read, once."""
        if what not in self.lost:
            self.lost.append(what)


@dataclass(frozen=True, slots=True)
class ReaderKind:
    """A format that can be read.

    `claim` gets the path of a file, relative and with slashes. It returns the file or folder that
    has to be read for it; None if the file is not of this format. `read` gets the full path of that
    file or folder. It raises `Damaged` if nothing of it can be read.
    """

    name: str
    claim: Callable[[str], str | None]
    read: Callable[[Path], Iterable[ToolRun]]


def microseconds(seconds: float) -> int:
    """Return a time in microseconds; 0 if it is no time between 1970 and 2262."""
    return round(seconds * 1e6) if 0 < seconds < 9e9 else 0
