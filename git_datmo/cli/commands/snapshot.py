"""The `git datmo snapshot` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Tie HEAD to all tracked payloads, the environment, and your parameters and metrics, and print the
id of the snapshot. The words after '--' are recorded as the command, but git-datmo does not run
it."""
EXAMPLES = """
git datmo snapshot -m "first labels" --why "the old ones had gaps"
git datmo snapshot -p lr=0.1 -M accuracy=0.97 -- python train.py --lr 0.1
"""

BEHIND = "command"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo snapshot` to its parser."""
    add_words(parser)
    parser.add_argument(
        "-M",
        "--metric",
        action="append",
        default=[],
        metavar="K=V",
        help="a result; may be repeated",
    )
    # argparse does not know about words behind '--'.
    parser.usage = parser.format_usage().removeprefix("usage: ").rstrip() + " [-- CMD...]"


def add_words(
    parser: argparse.ArgumentParser,
    *,
    parameter: tuple[str, str] = ("K=V", "a setting; may be repeated"),
) -> None:
    """Add the options that describe a snapshot, for every verb that makes snapshots.

    `parameter` is the metavar and the help text of `-p`.
    """
    metavar, help_ = parameter
    parser.add_argument(
        "-m", "--message", default="", metavar="MSG", help="a description in one line"
    )
    parser.add_argument("--why", default="", metavar="TEXT", help="the reason for the experiment")
    parser.add_argument(
        "-p", "--parameter", action="append", default=[], metavar=metavar, help=help_
    )
    parser.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="NAME=X",
        help="allowed difference of a metric or output in a rerun; may be repeated",
    )
    parser.add_argument(
        "--sign",
        action="store_true",
        help="sign the snapshot with your git signing key (datmo.sign)",
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Make a snapshot of HEAD, print its id, and return 0."""
    from git_datmo.cli.killed_runs import finish_killed_runs
    from git_datmo.payloads.attach_snapshot import SnapshotOptions
    from git_datmo.payloads.make_snapshot import snapshot
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.runs.figure_values import parse_figures
    from git_datmo.runs.tolerances import parse_tolerances

    asked = SnapshotOptions(
        options.message,
        options.why,
        parse_figures(options.parameter),
        parse_figures(options.metric),
        parse_tolerances(options.tolerance),
        options.sign,
    )
    with open_workspace(console.environ, console.cwd) as ws:
        finish_killed_runs(ws, console)
        made = snapshot(ws, asked, command=options.command, progress=console.progress())
    for warning in made.warnings:
        console.warn(warning)
    console.print(str(made.id))
    return 0
