"""git datmo run."""

import argparse

from git_datmo.cli.commands.snapshot import add_words
from git_datmo.cli.console import Console
from git_datmo.cli.engine import EngineNames, add_engine_options, open_engine, read_limits

DESCRIPTION = """\
Runs a command with its output both shown and logged, then makes a snapshot: command, exit code,
duration, what it read and wrote, its environment, code, parameters and metrics. Exits as the
command did, or with 125 when the run could not be recorded. On a terminal the command has one
too (not in a container); its log then has what the terminal shows in the end, without progress
bars' earlier states and colours.

Parameters are those of -p, the options of the command (--lr 0.1, lr=0.1), and a params.yaml that
it read. Metrics are those of a metrics.json, metrics.jsonl, metrics.csv or results.json that it
wrote.

Outputs are the files that it was seen to write, or that changed meanwhile and that no other
known process wrote. Files of git's that it wrote are recorded as they were afterwards. What git
ignores is kept up to 10 MiB in all (datmo.ignoredLimit), or where -o names it.

Code is what git tracks, and untracked files that the command names, imports or executes. Other
untracked files are not stored. What the command read and no record has is named."""
EXAMPLES = """
git datmo run -m "baseline" -- python train.py --lr 0.1
git datmo run -p lr=0.1 -o figures --why "flips may help" -- python train.py
git datmo run --engine docker --memory 8g --gpus all -- python train.py
"""

BEHIND = "command"
NOT_RECORDED = 125


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_words(parser)
    parser.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        metavar="PATH",
        help="keep this file or folder; may be repeated",
    )
    parser.add_argument(
        "--engine", choices=EngineNames(), default="host", help="where the command runs (host)"
    )
    add_engine_options(parser)
    parser.usage = parser.format_usage().removeprefix("usage: ").rstrip() + " -- CMD..."


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.cli.main import tell
    from git_datmo.errors import DatmoError, UsageError

    try:
        return _run(options, console)
    except UsageError:
        raise
    except DatmoError as error:
        tell(error, console)
        return NOT_RECORDED


def _run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.cli.streams import copy_through, screens
    from git_datmo.errors import UsageError
    from git_datmo.payloads.attach_snapshot import SnapshotOptions
    from git_datmo.repository.hook_state import find_trouble
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.runs import run_command as flow
    from git_datmo.runs.figure_values import parse_figures
    from git_datmo.runs.tolerances import parse_tolerances

    if not options.command:
        raise UsageError(
            "no command to run", "put it behind '--': git datmo run -- python train.py"
        )
    figures, tolerances = parse_figures(options.parameter), parse_tolerances(options.tolerance)
    asked = SnapshotOptions(
        options.message, options.why, figures, tolerances=tolerances, sign=options.sign
    )
    limits = read_limits(options, options.engine)
    with open_workspace(console.environ, console.cwd) as ws:
        trouble = find_trouble(ws)
        outputs = [ws.relative(path) for path in options.output]
        with open_engine(options, options.engine, ws) as engine:
            done = flow.run(
                ws,
                options.command,
                asked,
                outputs=outputs,
                engine=engine,
                limits=limits,
                output=copy_through,
                progress=console.progress(),
                elsewhere=bool(options.on),
                screens=screens(),
            )
    for warning in (*trouble, *done.warnings):
        console.warn(warning)
    console.tell(
        f"snapshot {str(done.snapshot)[:10]}: exit code {done.exit_code}; 'git datmo show' has it"
        " whole"
    )
    return done.exit_code
