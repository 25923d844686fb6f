"""Draw plots of curves as PNG or SVG by matplotlib."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any

from git_datmo.errors import DatmoError
from git_datmo.report.curve_lines import TIME, CurvePlot
from git_datmo.terminal_text import make_printable

FORMATS = ("png", "svg")
WIDTH, HEIGHT = 11.0, 4.5
# Lines that a legend names, and the height of each.
NAMED, LINE_HEIGHT = 40, 0.19
TITLE_WIDTH = 80
# Dots of a PNG per inch, and lines beyond which a second set of colours is needed.
RESOLUTION, COLOURS = 120, 10


def draw_picture(plots: Sequence[CurvePlot], form: str) -> bytes:
    """Return one picture with the plots one below the other, in one of `FORMATS`.

    Equal plots give equal bytes. Raises `DatmoError` without matplotlib.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise DatmoError(
            "pictures of plots need matplotlib", "install it with pip install 'git-datmo[plot]'"
        ) from None
    # Names of strangers are no formulas.
    settings: Any = {"text.parse_math": False, "svg.hashsalt": "git-datmo", "svg.fonttype": "none"}
    out = io.BytesIO()
    with mpl.rc_context(settings), warnings.catch_warnings():
        # A letter that the font does not have is drawn as a box.
        warnings.simplefilter("ignore")
        named = min(max(len(plot.lines) for plot in plots), NAMED)
        height = max(HEIGHT, named * LINE_HEIGHT + 1)
        # `pyplot` would look for a display, and keep the figure open.
        figure = Figure(figsize=(WIDTH, height * len(plots)), layout="constrained")
        every = figure.subplots(len(plots), 1, squeeze=False)
        for plot, axes in zip(plots, every[:, 0], strict=True):
            _draw(axes, plot)
        # A date or a version would make the bytes of equal plots differ.
        metadata = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
        figure.savefig(out, format=form, dpi=RESOLUTION, metadata=metadata)
    return out.getvalue()


def _draw(axes: Any, plot: CurvePlot) -> None:
    """Draw the lines of one metric, with a legend beside them."""
    if len(plot.lines) > COLOURS:
        from matplotlib import colormaps

        twenty: Any = colormaps["tab20"]
        axes.set_prop_cycle(color=twenty.colors)
    for index, line in enumerate(plot.lines):
        marker = "." if len(line.xs) <= 30 else ""
        label = line.label if index < NAMED else ""
        axes.plot(line.xs, line.ys, linewidth=1.2, marker=marker, label=label)
    title = make_printable(plot.metric)
    axes.set_title(title if len(title) <= TITLE_WIDTH else f"{title[: TITLE_WIDTH - 1]}…")
    axes.set_xlabel("seconds since the first value" if plot.axis == TIME else "step")
    # Steps are counted, so there is none between two of them.
    axes.xaxis.get_major_locator().set_params(integer=plot.axis != TIME)
    if plot.is_log and any(y > 0 for line in plot.lines for y in line.ys):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("{x:g}" if _is_narrow(plot) else "")
    axes.grid(visible=True, alpha=0.3)
    if plot.notes:
        axes.text(0, -0.2, "\n".join(plot.notes[:3]), transform=axes.transAxes, fontsize=7)
    left = len(plot.lines) - NAMED
    more = f"the first {NAMED} of {len(plot.lines)}" if left > 0 else None
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=8, frameon=False, title=more)


def _is_narrow(plot: CurvePlot) -> bool:
    """Return True if the values reach over less than two powers of ten."""
    values = [y for line in plot.lines for y in line.ys if y > 0]
    return max(values) / min(values) < 100
