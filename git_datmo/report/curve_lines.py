"""Read curves of several experiments as lines of a plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from git_datmo.curves.curve_points import Buckets
from git_datmo.curves.curve_reader import Read, bytes_reader, read_header, read_view
from git_datmo.curves.curve_writer import write_curve
from git_datmo.errors import DatmoError
from git_datmo.history.attempts import attempts_of
from git_datmo.history.experiments import Found, History
from git_datmo.objects.tree_nodes import root_node
from git_datmo.progress import Progress
from git_datmo.records.record_values import show_value
from git_datmo.remotes.obtained_curves import read_united
from git_datmo.report.value_rows import ID_LENGTH
from git_datmo.repository.stored_curves import find_curve
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.rerun_inputs import require_objects
from git_datmo.suggest import nearest
from git_datmo.terminal_text import make_printable

STEP, TIME = "step", "time"
# Columns of a label, and metrics that are drawn together.
LABEL_WIDTH = 60
MOST_PLOTS = 12
# The length of an axis must be finite. Beyond this limit, the difference of two values may not be.
LARGEST = 1e300


@dataclass(frozen=True, slots=True)
class CurveLine:
    """Line of one experiment, in the order of `xs`; a NaN in `ys` interrupts it.

    `points` is the number of values of the curve. A long curve has a smallest and a largest value
    for each of its stored buckets. `left_out` counts values that cannot be drawn.
    """

    label: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    points: int
    left_out: int


@dataclass(frozen=True, slots=True)
class CurvePlot:
    """Lines of one metric. `axis` is `STEP`, or `TIME` in seconds from a curve's first point."""

    metric: str
    axis: str
    is_log: bool
    lines: tuple[CurveLine, ...]

    @property
    def notes(self) -> list[str]:
        """Return a sentence for each line of which values are left out."""
        beyond = f"not finite or beyond {LARGEST:g}"
        why = f"{beyond}, or not above 0" if self.is_log else beyond
        return [
            f"{line.label}: {line.left_out} of {len(line.ys)} drawn values left out ({why})"
            for line in self.lines
            if line.left_out
        ]


def read_plots(
    ws: Workspace,
    history: History,
    founds: Sequence[Found],
    metrics: Sequence[str],
    *,
    axis: str = STEP,
    is_log: bool = False,
    most: int = 4000,
    progress: Progress,
) -> list[CurvePlot]:
    """Return a plot for each metric, or for all with a curve if none is named.

    A line has at most twice `most` points. Curves that are missing are fetched. Raises `DatmoError`
    for a metric without a curve.
    """
    known = {name for found in founds for name in found.snapshot.curves}
    names = _choose_metrics(known, metrics)
    for found in founds:
        run = found.snapshot.run
        if run is not None and run.series is not None and set(names) & found.snapshot.curves.keys():
            nodes = [root_node(run.series)]
            require_objects(ws, nodes, found.id, progress, size=run.series.size)
    labels = label_experiments(founds)
    plots = []
    for name in names:
        lines = [
            _make_line(
                _open_curve(ws, history, found, name, progress),
                label,
                axis=axis,
                is_log=is_log,
                most=most,
            )
            for found, label in zip(founds, labels, strict=True)
            if name in found.snapshot.curves
        ]
        plots.append(CurvePlot(name, axis, is_log, tuple(lines)))
    return plots


def _choose_metrics(known: set[str], metrics: Sequence[str]) -> list[str]:
    """Return the metrics to draw; raise `DatmoError` for one without a curve, or for too many."""
    if not known:
        raise DatmoError(
            "these experiments have no curves", "'git datmo log' shows metrics with their curves"
        )
    for name in metrics:
        if name not in known:
            near = nearest(name, known)
            some = ", ".join(f"'{each[:100]}'" for each in sorted(known)[:8])
            hint = f"did you mean '{near[:100]}'?" if near else f"curves are {some}"
            raise DatmoError(f"no revision and no curve is named '{name[:100]}'", hint)
    chosen = list(dict.fromkeys(metrics)) or sorted(known)
    if len(chosen) > MOST_PLOTS:
        raise DatmoError(
            f"{len(chosen)} metrics are too many for one picture", f"name at most {MOST_PLOTS}"
        )
    return chosen


def label_experiments(founds: Sequence[Found]) -> list[str]:
    """Return a label for each experiment: its id, and the parameters that differ."""
    names = sorted({name for found in founds for name in found.snapshot.parameters})
    # `repr` tells `True` from `1`, and has one text for all NaN.
    differing = [
        name for name in names if len({repr(f.snapshot.parameters.get(name)) for f in founds}) > 1
    ]
    labels = []
    for found in founds:
        values = found.snapshot.parameters
        words = [f"{name}={show_value(values[name])}" for name in differing if name in values]
        text = make_printable("  ".join([str(found.id)[:ID_LENGTH], *words]))
        labels.append(text if len(text) <= LABEL_WIDTH else f"{text[: LABEL_WIDTH - 1]}…")
    return labels


def _open_curve(
    ws: Workspace, history: History, found: Found, name: str, progress: Progress
) -> Read:
    """Return the curve of an experiment, united with those of the attempts that it resumes."""
    attempts = attempts_of(history, found.id, found.snapshot)
    if len(attempts) > 1:
        united = read_united(ws, attempts, progress)[name]
        return bytes_reader(write_curve(name, united.points))
    read = find_curve(ws.store, found.snapshot, name)
    assert read is not None
    return read


def _make_line(read: Read, label: str, *, axis: str, is_log: bool, most: int) -> CurveLine:
    """Return a line from the finest stored view with at most `most` buckets."""
    header = read_header(read)
    view = read_view(read, header, most)
    # Steps come in any order, and a line is drawn from left to right.
    pairs = sorted(zip(_positions(view, axis, label), view.low, view.high, strict=True), key=_x_of)
    points = list(chain.from_iterable(_drawn(*pair) for pair in pairs))
    ys = tuple(y if _is_drawn(x, y, is_log=is_log) else math.nan for x, y in points)
    return CurveLine(
        label, tuple(x for x, _ in points), ys, header.points, sum(map(math.isnan, ys))
    )


def _x_of(pair: tuple[float, float, float]) -> float:
    # NaN compares with nothing, so it would leave the other steps unsorted.
    return math.inf if math.isnan(pair[0]) else pair[0]


def _positions(view: Buckets, axis: str, label: str) -> list[float]:
    """Return the steps of buckets, or their seconds since the first point."""
    if axis == STEP:
        return list(view.steps)
    if not any(view.times):
        raise DatmoError(f"the curve of {label} has no times", "leave out '--axis time'")
    first = min(view.times)
    return [(time - first) / 1e6 for time in view.times]


def _drawn(x: float, low: float, high: float) -> list[tuple[float, float]]:
    """Return the points of a bucket: one, or its smallest and its largest value."""
    return [(x, low)] if low == high or math.isnan(low) else [(x, low), (x, high)]


def _is_drawn(x: float, y: float, *, is_log: bool) -> bool:
    """Return True for a point that a plot can have. No comparison with NaN is true."""
    is_inside = abs(x) <= LARGEST and abs(y) <= LARGEST
    return is_inside and (y > 0 or not is_log)
