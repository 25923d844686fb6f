"""The `git datmo diff` command."""

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.history.experiments import Found, History
    from git_datmo.report.experiment_diff import ExperimentDiff

DESCRIPTION = """\
Show how experiment B differs from experiment A: command, parameters, metrics, environment
package by package, data (files that were added, removed or changed, rows and columns of tables,
numbers of images), contracts, and code as 'git diff' shows it, with uncommitted changes. Only
sections with a difference are shown. Code and environments that are missing are fetched; data
are not."""
EXAMPLES = """
git datmo diff HEAD~1 HEAD
git datmo diff 3f9c2a 81d7e0 --stat
git datmo diff main feature -- data train.py
"""
BEHIND = "paths"
FIRST = "HEAD~1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo diff` to its parser."""
    parser.add_argument(
        "one", metavar="A", nargs="?", default=FIRST, help="a commit or snapshot (HEAD~1)"
    )
    parser.add_argument(
        "other", metavar="B", nargs="?", default="HEAD", help="a commit or snapshot (HEAD)"
    )
    parser.add_argument(
        "--stat", action="store_true", help="show a summary of the code instead of the patch"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _resolve(history: "History", name: str) -> "Found":
    """Return experiment A; a default that names nothing asks for two experiments."""
    from git_datmo.errors import DatmoError

    try:
        return history.resolve(name)
    except DatmoError as error:
        if name == FIRST and error.what.startswith("bad revision"):
            error.hint = "name two experiments; 'git datmo log' lists them"
        raise


def run(options: argparse.Namespace, console: Console) -> int:
    """Print the differences of two experiments and return 0."""
    from git_datmo.cli.diff_sections import diff_document, print_diff
    from git_datmo.history.experiments import History
    from git_datmo.history.unprepared_clone import refuse_unprepared
    from git_datmo.report.experiment_diff import diff_experiments
    from git_datmo.repository.workspace import open_workspace

    console.use_colours()
    with open_workspace(console.environ, console.cwd) as ws:
        refuse_unprepared(ws)
        history = History(ws)
        one, other = _resolve(history, options.one), history.resolve(options.other)
        paths = tuple(ws.relative(path) for path in options.paths)
        found: ExperimentDiff = diff_experiments(
            ws, one, other, paths=paths, stat=options.stat, progress=console.progress()
        )
        if options.json:
            console.print_json(diff_document(found))
        elif found.is_empty:
            console.tell("the experiments do not differ")
        else:
            with console.paged():
                print_diff(found, console)
    for warning in history.warnings:
        console.warn(warning)
    return 0
