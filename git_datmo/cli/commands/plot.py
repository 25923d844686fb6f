"""The `git datmo plot` command."""

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console
from git_datmo.cli.experiment_choice import (
    add_choice_arguments,
    choice_of,
    split_limit,
    tell_none,
)

if TYPE_CHECKING:
    from git_datmo.history.experiments import History
    from git_datmo.repository.workspace import Workspace

DESCRIPTION = """\
Draw curves of experiments, one plot for each metric: in the terminal, or as a PNG or SVG file. A
word that is a revision, the beginning of a snapshot's id, or a range is an experiment. Every other
word is a metric. Without any metric, all with a curve are drawn. Experiments are chosen as 'git
datmo compare' does, also by conditions.

A curve may have any number of values: from a long one, the smallest and largest values of
neighbouring points are drawn. The curve of a resumed run begins with those of the runs that it
resumes. Values that are not finite or beyond 1e+300 interrupt a line, and are counted below.

This needs the packages of git-datmo[plot]: plotext for the terminal, matplotlib for files."""
EXAMPLES = """
git datmo plot HEAD loss
git datmo plot HEAD~1 HEAD loss accuracy --log
git datmo plot --where 'params.lr <= 0.01' loss -o loss.png
git datmo plot HEAD --axis time -o curves.svg
"""
INTERMIXED = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo plot` to its parser."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="REV|ID|METRIC",
        help="experiments, ranges and metrics; -N draws the N newest experiments",
    )
    parser.add_argument(
        "-n", "--max-count", type=int, metavar="N", help="draw at most N experiments"
    )
    add_choice_arguments(parser)
    parser.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="NAME",
        help="draw a metric whose name is also a revision; may be repeated",
    )
    parser.add_argument(
        "-o", "--output", default="", metavar="FILE", help="write a file that ends in .png or .svg"
    )
    parser.add_argument(
        "--axis",
        choices=("step", "time"),
        default="step",
        help="draw over steps, or over seconds since the first value (step)",
    )
    parser.add_argument("--log", action="store_true", help="draw values on a logarithmic scale")


def run(options: argparse.Namespace, console: Console) -> int:
    """Draw the curves of experiments and return 0."""
    from git_datmo.history.experiments import History
    from git_datmo.history.unprepared_clone import refuse_unprepared
    from git_datmo.report.chosen_experiments import choose_experiments
    from git_datmo.report.curve_lines import read_plots
    from git_datmo.repository.workspace import open_workspace

    form = _form_of(options.output)
    console.use_colours()
    with open_workspace(console.environ, console.cwd) as ws:
        refuse_unprepared(ws)
        history = History(ws)
        limit, words = split_limit(options.words, options.max_count)
        options.max_count = limit
        revisions, metrics = _divide_words(ws, history, words)
        asked = choice_of(options, revisions, ws)
        chosen = choose_experiments(ws, history, revisions, asked)
        if not chosen.founds:
            return tell_none(console, asked, revisions)
        plots = read_plots(
            ws,
            history,
            chosen.founds,
            [*metrics, *options.metric],
            axis=options.axis,
            is_log=options.log,
            # A character of braille is two dots wide.
            most=4000 if form else 2 * console.width(),
            progress=console.progress(),
        )
    if form:
        from git_datmo import fsio
        from git_datmo.report.curve_picture import draw_picture

        fsio.write_file(console.cwd / options.output, draw_picture(plots, form))
    else:
        from git_datmo.cli.terminal_plot import print_plots

        with console.paged():
            print_plots(plots, console)
    for warning in history.warnings:
        console.warn(warning)
    return 0


def _form_of(output: str) -> str:
    """Return the format of a file by its name; '' for the terminal."""
    from git_datmo.errors import UsageError

    if not output:
        return ""
    form = output.rpartition(".")[2].lower()
    if form not in ("png", "svg"):
        raise UsageError(f"'{output}' ends neither in .png nor in .svg", "give one of these names")
    return form


def _divide_words(
    ws: "Workspace", history: "History", words: list[str]
) -> tuple[list[str], list[str]]:
    """Return the words that are experiments or ranges, and the metrics."""
    from git_datmo.errors import DatmoError

    revisions, metrics = [], []
    for word in words:
        try:
            # A range is no single revision, which `resolve` would look for.
            if ".." not in word and history.by_id(word) is None:
                ws.repo.resolve(word)
            revisions.append(word)
        except DatmoError:
            metrics.append(word)
    return revisions, metrics
