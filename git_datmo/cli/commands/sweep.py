"""The `git datmo sweep` command."""

import argparse

from git_datmo.cli.commands.snapshot import add_words
from git_datmo.cli.console import Console
from git_datmo.cli.engine_options import EngineNames, add_engine_options

DESCRIPTION = """\
Run a command with every combination of its parameters' values, and make a snapshot of each, as
'git datmo run' does. '{NAME}' in the command stands for a value. Each combination runs in a new
working tree of HEAD with your current payloads, so commit your changes to the code first. Your
own working tree stays as it is.

A parameter that the command does not name is a key of a configuration file, with dots for nested
keys. It must be a file that 'git datmo run' takes parameters from, and that git tracks; of several
with the key, the last in that order counts. The value is written into the file of the run's own
working tree. Comments stay. A JSON file is written anew. If the command names '{NAME}', no file is
changed.

A sweep that was interrupted or killed goes on when you repeat it from the same commit and data:
only the combinations without a record run. So does 'git datmo sweep --resume', without any other
words. A sweep whose combinations are all recorded runs them again when you repeat it.

With --cluster, the workers of a Dask cluster run the combinations. The workers need
git-datmo[cluster], and get code and data from the git remote with their own credentials, so push
first. A worker shares its snapshot itself, before it starts the next combination.

The exit code is 1 if a command failed, and 125 if a run could not be recorded."""
EXAMPLES = """
git datmo sweep -p lr=0.1,0.01 -p seed=1..5 -- python train.py --lr {lr} --seed {seed}
git datmo sweep -p model.depth=2,4 --jobs 2 -- python train.py
git datmo sweep --resume
git datmo sweep -p lr=0.1,0.01 --cluster tcp://scheduler.example:8786 -- python train.py --lr {lr}
"""

BEHIND = "command"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo sweep` to its parser."""
    add_words(
        parser, parameter=("NAME=VALUES", "its values: a,b,c or FIRST..LAST; may be repeated")
    )
    parser.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        metavar="PATH",
        help="store this file or folder as an output; may be repeated",
    )
    parser.add_argument(
        "--engine",
        choices=EngineNames(),
        default="host",
        help="the engine that runs the commands (host)",
    )
    add_engine_options(parser)
    parser.add_argument(
        "-j",
        "--jobs",
        type=int,
        default=1,
        metavar="N",
        help="run N combinations at a time; their output goes to the logs alone (1)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the newest sweep that did not end, with its options and command",
    )
    parser.add_argument(
        "--no-contract",
        action="store_true",
        help="run although contracts do not fit; the records have the tag 'no-contract'",
    )
    parser.add_argument(
        "--cluster", metavar="ADDRESS", help="run on a Dask cluster with this scheduler"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a combination")
    # argparse does not know about words behind '--'.
    parser.usage = parser.format_usage().removeprefix("usage: ").rstrip() + " -- CMD..."


def run(options: argparse.Namespace, console: Console) -> int:
    """Run all combinations of parameters and return the exit code of the sweep.

    Raises `UsageError` without a command, or for `--cluster` with `--on` or `--sign`.
    """
    from git_datmo.cli.killed_runs import finish_killed_runs
    from git_datmo.cli.sweep_runs import sweep
    from git_datmo.errors import UsageError
    from git_datmo.repository.workspace import open_workspace

    if options.resume and (options.command or options.parameter):
        raise UsageError(
            "--resume takes parameters and command from the sweep",
            "leave them out, or repeat the sweep without --resume",
        )
    if options.jobs < 1:
        raise UsageError(f"--jobs {options.jobs} runs nothing", "give 1 or more")
    if options.jobs > 1 and options.cluster:
        raise UsageError(
            "--jobs cannot be used with --cluster", "the cluster decides how many runs it does"
        )
    if not options.command and not options.resume:
        raise UsageError(
            "no command to run", "put it after '--': git datmo sweep -p lr=1,2 -- train {lr}"
        )
    if options.cluster and (options.on or options.sign):
        raise UsageError(
            "--cluster cannot be used with --on or --sign",
            "leave out --cluster, or the other option",
        )
    with open_workspace(console.environ, console.cwd) as ws:
        finish_killed_runs(ws, console)
        return sweep(options, console, ws)
