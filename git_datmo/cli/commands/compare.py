"""The `git datmo compare` command."""

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
    from git_datmo.report.curve_lines import CurvePlot
    from git_datmo.report.experiment_comparison import ExperimentComparison

DESCRIPTION = """\
Compare any number of experiments. Values that differ come first: command, parameters, environment
package by package, data by payload, and code by file. Then come the metrics, with the smallest,
largest and best value of a curve, and the mean and standard deviation over all experiments. '*'
marks the best value of a metric whose direction is known. Equal values are counted in one line.

Each word is a commit, the beginning of a snapshot's id, or a range. With a condition, a limit or
refs, the words are revisions as 'git datmo log' takes them, and all their experiments that meet
the conditions are compared. Without any word, the history of HEAD is."""
EXAMPLES = """
git datmo compare HEAD~1 HEAD
git datmo compare 3f9c2a 81d7e0 5b20cc --equal
git datmo compare --where 'accuracy>0.9' --group-by params.lr
git datmo compare -3 --curves --metrics loss
git datmo compare --author Ada --csv
"""
INTERMIXED = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo compare` to its parser."""
    parser.add_argument(
        "revisions",
        nargs="*",
        metavar="REV|ID",
        help="experiments, or ranges; -N compares the N newest",
    )
    parser.add_argument(
        "-n", "--max-count", type=int, metavar="N", help="compare at most N experiments"
    )
    add_choice_arguments(parser)
    parser.add_argument(
        "--metrics", default="", metavar="NAME,...", help="compare these metrics alone"
    )
    parser.add_argument(
        "--group-by",
        default="",
        metavar="NAME,...",
        help="add groups of equal values, with mean ± standard deviation of each metric",
    )
    parser.add_argument("--equal", action="store_true", help="show the equal values too")
    parser.add_argument(
        "--curves",
        action="store_true",
        help="draw the curves of the metrics below the tables, by plotext",
    )
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument(
        "--csv",
        action="store_true",
        help="print CSV: one line an experiment, or one a group with --group-by",
    )
    forms.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace, console: Console) -> int:
    """Print the comparison of experiments and return 0."""
    from git_datmo.history.experiments import History
    from git_datmo.history.unprepared_clone import refuse_unprepared
    from git_datmo.query.conditions import parse_names
    from git_datmo.report.chosen_experiments import choose_experiments
    from git_datmo.report.curve_lines import read_plots
    from git_datmo.report.experiment_comparison import compare_experiments
    from git_datmo.repository.workspace import open_workspace

    console.use_colours()
    with open_workspace(console.environ, console.cwd) as ws:
        refuse_unprepared(ws)
        history = History(ws)
        words = split_limit(options.revisions, None)[1]
        asked = choice_of(options, options.revisions, ws)
        chosen = choose_experiments(ws, history, words, asked)
        if not chosen.founds:
            return tell_none(console, asked, words)
        found = compare_experiments(
            ws,
            chosen,
            group_by=options.group_by,
            metrics=parse_names(options.metrics) if options.metrics else (),
            progress=console.progress(),
        )
        names = [row.name for row in found.metrics if row.has_curve]
        plots: list[CurvePlot] = []
        if options.curves and names:
            progress = console.progress()
            plots = read_plots(
                ws, history, found.founds, names, most=console.width(), progress=progress
            )
    _print(options, found, plots, console)
    for warning in history.warnings:
        console.warn(warning)
    return 0


def _print(
    options: argparse.Namespace,
    found: "ExperimentComparison",
    plots: "list[CurvePlot]",
    console: Console,
) -> None:
    """Print the comparison as CSV, JSON or tables with plots."""
    from git_datmo.cli.comparison_documents import comparison_cells, comparison_document
    from git_datmo.cli.log_formats import group_cells, print_csv

    if options.json:
        console.print_json(comparison_document(found))
    elif options.csv and found.groups is not None:
        print_csv(*group_cells(found.groups), console)
    elif options.csv:
        print_csv(*comparison_cells(found), console)
    else:
        _print_tables(options, found, plots, console)


def _print_tables(
    options: argparse.Namespace,
    found: "ExperimentComparison",
    plots: "list[CurvePlot]",
    console: Console,
) -> None:
    from git_datmo.cli.comparison_tables import print_comparison
    from git_datmo.cli.terminal_plot import print_plots

    with console.paged():
        print_comparison(found, console, with_equal=options.equal)
        if plots:
            console.print()
            print_plots(plots, console)
        elif options.curves:
            console.print("no curves")
