"""Rows of the table: a measurement, its bound, and the time that it took."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from benchmarks.bounds import OURS, Bound
from benchmarks.contest import CommandFailed, Sample
from benchmarks.page import grid
from git_datmo.errors import DatmoError

P = ParamSpec("P")
T = TypeVar("T")
Beyond = tuple[float, float]
HEADINGS = ("measurement", "tool", "measured", "bound", "", "wall s", "processor s")
# Errors after which the other measurements go on.
FAILURES = (CommandFailed, DatmoError, AssertionError, OSError)
VERDICTS = {True: "kept", False: "NOT KEPT", None: "not measured"}


@dataclass(slots=True)
class Spent:
    """Seconds of a whole measurement: on the clock, and of the processor with all children."""

    wall: float = 0
    cpu: float = 0

    def during(self, work: Callable[P, T], *words: P.args, **named: P.kwargs) -> T:
        """Call a function, and add the time that it takes."""
        begun, busy = time.perf_counter(), _processor()
        try:
            return work(*words, **named)
        finally:
            self.wall += time.perf_counter() - begun
            self.cpu += _processor() - busy


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value with its unit, and if it is known, the processor time of the same."""

    value: float
    unit: str
    cpu: float | None = None

    def __str__(self) -> str:
        text = f"{_rounded(self.value)} {self.unit}"
        if self.cpu is None:
            return text
        return f"{text} (processor {_rounded(self.cpu)} {self.unit})"


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement of one tool. Only git-datmo has bounds."""

    tool: str
    bound: Bound
    spent: Spent

    @property
    def is_kept(self) -> bool:
        """Return True if there is no bound, or if it is kept."""
        return not self.bound.limit or self.bound.met is True

    def cells(self) -> tuple[str, ...]:
        """Return the cells of the row's line."""
        verdict = VERDICTS[self.bound.met] if self.bound.limit else ""
        bound = self.bound
        times = (f"{self.spent.wall:.1f}", f"{self.spent.cpu:.1f}") if self.spent.wall else ("", "")
        return (bound.what, self.tool, bound.measured, bound.limit, verdict, *times)


def beyond(less: Sample, more: Sample) -> Beyond:
    """Return the seconds that a command takes beyond another one, on the clock and processor."""
    return (more.wall - less.wall, more.user + more.system - less.user - less.system)


def bounded(tool: str, what: str, figure: Figure, limit: float, spent: Spent) -> Row:
    """Return the row of a figure. The limit counts for git-datmo alone."""
    most = f"at most {limit:g} {figure.unit}" if tool == OURS else ""
    return Row(tool, Bound(what, most, str(figure), figure.value <= limit), spent)


def failed(tool: str, what: str, why: str, spent: Spent) -> Row:
    """Return the row of a tool that could not be measured. A failure of git-datmo is no success."""
    limit = "a measurement" if tool == OURS else ""
    return Row(tool, Bound(what, limit, f"failed: {' '.join(why.split())[-200:]}", False), spent)


def table(rows: Sequence[Row]) -> list[str]:
    """Return the lines of the table, without a repeated name of a measurement."""
    lines, before = list[tuple[str, ...]](), ""
    for row in rows:
        what, *others = row.cells()
        lines.append(("" if what == before else what, *(each.replace("|", "/") for each in others)))
        before = what
    return list(grid(HEADINGS, lines))


def _rounded(value: float) -> str:
    """Return a number with three digits, or all digits before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _processor() -> float:
    """Return the processor seconds of this process and of its children that ended."""
    taken = os.times()
    return taken.user + taken.system + taken.children_user + taken.children_system
