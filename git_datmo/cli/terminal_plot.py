"""Draw plots of curves as text by plotext."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from git_datmo.cli.console import Console
from git_datmo.cli.text_tables import cut
from git_datmo.errors import DatmoError
from git_datmo.report.curve_lines import TIME, CurvePlot
from git_datmo.terminal_text import make_printable

HEIGHT = 20
NARROWEST = 30
# Colours of the 256 of a terminal that show on light and dark grounds, and marks without colours.
COLOURS = (33, 208, 35, 161, 134, 37, 136, 245)
MARKS = "*+ox#@%&"


def print_plots(plots: Sequence[CurvePlot], console: Console) -> None:
    """Print each plot, with a legend below it.

    Raises `DatmoError` without plotext.
    """
    plotext = _load_plotext()
    for number, plot in enumerate(plots):
        if number:
            console.print()
        for line in _draw(plotext, plot, console).splitlines():
            console.print_lines(console.keep_colours(line.rstrip()))
        for index, curve in enumerate(plot.lines):
            mark = _mark(console, index)
            console.print(f"{_coloured(console, index, mark)} {curve.label}")
        for note in plot.notes:
            console.print(f"({note})")


def _load_plotext() -> Any:
    try:
        import plotext
    except ImportError:
        raise DatmoError(
            "plots in a terminal need plotext", "install it with pip install 'git-datmo[plot]'"
        ) from None
    return plotext


def _mark(console: Console, index: int) -> str:
    return "━━" if console.coloured else MARKS[index % len(MARKS)]


def _coloured(console: Console, index: int, text: str) -> str:
    """Return a text in the colour of a line, if the console has colours."""
    if not console.coloured:
        return text
    return console.keep_colours(f"\x1b[38;5;{COLOURS[index % len(COLOURS)]}m{text}\x1b[0m")


def _draw(plotext: Any, plot: CurvePlot, console: Console) -> str:
    """Return a plot as lines of text."""
    plotext.clear_figure()
    plotext.theme("clear")
    # The size is that of the console, even if plotext finds another one for the terminal.
    plotext.limit_size(False, False)
    plotext.plotsize(max(console.width(), NARROWEST), HEIGHT)
    for index, line in enumerate(plot.lines):
        # The ticks are set by logarithms too, with the plain numbers as labels.
        ys = [math.log10(y) if plot.is_log and y > 0 else y for y in line.ys]
        marker = "braille" if console.coloured else MARKS[index % len(MARKS)]
        for xs, values in _pieces(line.xs, ys):
            plotext.plot(xs, values, marker=marker, color=COLOURS[index % len(COLOURS)])
    _set_ticks(plotext, plot)
    plotext.title(cut(make_printable(plot.metric)))
    plotext.xlabel("seconds" if plot.axis == TIME else "step")
    built = str(plotext.build())
    return built if console.coloured else str(plotext.uncolorize(built))


def _pieces(xs: Sequence[float], ys: Sequence[float]) -> Iterator[tuple[list[float], list[float]]]:
    """Yield the parts of a line between values that are no numbers."""
    for is_gap, pairs in groupby(zip(xs, ys, strict=True), key=lambda pair: math.isnan(pair[1])):
        if not is_gap:
            part = list(pairs)
            yield [x for x, _ in part], [y for _, y in part]


def _set_ticks(plotext: Any, plot: CurvePlot) -> None:
    """Set limits and round ticks of both axes."""
    xs = [
        x for line in plot.lines for x, y in zip(line.xs, line.ys, strict=True) if not math.isnan(y)
    ]
    ys = [y for line in plot.lines for y in line.ys if not math.isnan(y)]
    if not ys:
        return
    _set_axis(xs, plotext.xlim, plotext.xticks, is_log=False)
    _set_axis(ys, plotext.ylim, plotext.yticks, is_log=plot.is_log)


def _set_axis(values: Sequence[float], limit: Any, ticks: Any, *, is_log: bool) -> None:
    """Set the limits and ticks of an axis; values on a logarithmic one are above 0."""
    low, high = min(values), max(values)
    if low == high:
        # Half of the smallest number is 0, which has no logarithm.
        low, high = (low / 2 or low, high * 2) if is_log else (low - 0.5, high + 0.5)
    if low == high:  # of huge values
        low, high = low - abs(low) / 2, high + abs(high) / 2
    shown = list(log_ticks(low, high) if is_log else round_ticks(low, high))
    if is_log:
        limit(math.log10(low), math.log10(high))
        ticks([math.log10(each) for each in shown], [f"{each:.6g}" for each in shown])
    else:
        limit(low, high)
        ticks(shown, [f"{each:.6g}" for each in shown])


def log_ticks(low: float, high: float) -> list[float]:
    """Return round numbers from `low` to `high`, which are above 0, for a logarithmic axis."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    apart = max(1, (last - first) // 8)
    factors = (1, 2, 5) if last - first <= 3 else (1,)
    found = [factor * 10.0**power for power in range(first, last + 1, apart) for factor in factors]
    inside = [each for each in found if low <= each <= high]
    return inside if len(inside) > 1 else [each for each in round_ticks(low, high) if each > 0]


def round_ticks(low: float, high: float, count: int = 6) -> Iterator[float]:
    """Yield about `count` round numbers from `low` to `high`."""
    rough = (high - low) / count
    if not math.isfinite(rough) or rough <= 0:
        yield from (low, high)
        return
    power = 10.0 ** math.floor(math.log10(rough))
    # The factor below 1 absorbs rounding, so that an exact step is not passed over.
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    yield from (
        (first + index) * step
        for index in range(count + 3)
        if (first + index) * step <= high + step * 1e-9
    )
