"""Read curves in parts: the points themselves, or smallest and largest values of wider and wider
buckets. A view of a long curve reads one level, never all points."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from git_datmo.curves.curve_points import Buckets, Points
from git_datmo.curves.curve_reader import (
    Header,
    Read,
    read_header,
    read_level,
    read_points,
    read_view,
)
from git_datmo.errors import DatmoError
from git_datmo.history.attempts import Attempt, attempts_of
from git_datmo.history.experiments import Found, History
from git_datmo.model import Content, Oid
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.repository.stored_curves import find_curve
from git_datmo.repository.workspace import Workspace

PART = 1 << 14
"""Points or buckets of a part."""
SPARK = 60
_RANK = re.compile(r"rank(\d+)/(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Series:
    """A curve of one attempt and one process of it. `rank` is '' for the first process."""

    attempt: str
    rank: str
    read: Read
    header: Header

    @property
    def levels(self) -> list[tuple[int, int, int]]:
        """Return the bucket, the number of buckets and the number of parts of each level."""
        # The header lists the widest level first.
        widths = [1, *(width for width, _, _ in reversed(self.header.levels))]
        counts = [-(-self.header.points // width) for width in widths]
        return [
            (width, count, -(-count // PART)) for width, count in zip(widths, counts, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class BucketPart:
    """Consecutive buckets. The last steps and times are those of the next bucket's first point."""

    buckets: Buckets
    last_steps: Sequence[float]
    last_times: Sequence[int]


def open_series(ws: Workspace, history: History, found: Found, metric: str) -> tuple[Series, ...]:
    """Return the curves of a metric: one for each attempt, and for each process of it.

    Curves that are not here are left out.
    """
    return tuple(
        series
        for attempt in attempts_of(history, found.id, found.snapshot)
        for series in _of_attempt(ws, attempt, metric)
    )


def _of_attempt(ws: Workspace, attempt: Attempt, metric: str) -> Iterator[Series]:
    for name in attempt.snapshot.curves:
        rank, base = split_rank(name)
        if name == metric or (rank and base == metric):
            try:
                read = find_curve(ws.store, attempt.snapshot, name)
                if read is not None:
                    yield Series(str(attempt.id), rank, read, read_header(read))
            except DatmoError:
                continue


def split_rank(name: str) -> tuple[str, str]:
    """Return the number of the process that logged a metric, '' for the first, and its name."""
    found = _RANK.fullmatch(name)
    return (found[1], found[2]) if found else ("", name)


def points_of(series: Series, part: int | None = None) -> Points:
    """Return the points of a part of a curve, or all."""
    begin = 0 if part is None else part * PART
    return read_points(series.read, series.header, begin, None if part is None else begin + PART)


def buckets_of(series: Series, level: int, part: int) -> BucketPart:
    """Return a part of a level; the number of a level is its index in `Series.levels`, from 1."""
    whole = read_level(series.read, series.header, series.levels[level][0])
    chosen = slice(part * PART, (part + 1) * PART)
    last = points_of_end(series)
    following = slice(chosen.start + 1, chosen.stop + 1)
    buckets = Buckets(
        whole.width, whole.steps[chosen], whole.times[chosen], whole.low[chosen], whole.high[chosen]
    )
    steps, times = list(whole.steps[following]), list(whole.times[following])
    # No bucket follows the last one of a curve.
    if len(steps) < len(buckets):
        steps.append(last.steps[-1])
        times.append(last.times[-1])
    return BucketPart(buckets, steps, times)


def points_of_end(series: Series) -> Points:
    """Return the last point of a curve."""
    return read_points(series.read, series.header, series.header.points - 1)


def sparkline(ws: Workspace, series: Content, file: str) -> list[float] | None:
    """Return at most `SPARK` values that show the form of a curve; None if it is not here."""
    from git_datmo.repository.stored_curves import open_curve_file

    try:
        read = open_curve_file(ws.store, series, file)
        # Each bucket gives two values.
        view = read_view(read, read_header(read), SPARK // 2)
    except DatmoError:
        return None
    values: list[float] = []
    for low, high in zip(view.low, view.high, strict=True):
        values += [low] if low == high or math.isnan(low) else [low, high]
    return values


def curve_files(snapshot: Snapshot) -> Mapping[str, str]:
    """Return the file of each curve of a snapshot by the name of its metric."""
    return {name: curve.file for name, curve in snapshot.curves.items()}


def attempt_ids(history: History, oid: Oid, snapshot: Snapshot) -> list[str]:
    """Return the ids of an experiment and of the attempts that it resumes, the earliest first."""
    return [str(each.id) for each in attempts_of(history, oid, snapshot)]
