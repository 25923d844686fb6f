"""The `git datmo run` command."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.commands.snapshot import add_words
from git_datmo.cli.console import Console
from git_datmo.cli.engine_options import EngineNames, add_engine_options, open_engine, read_limits

if TYPE_CHECKING:
    from git_datmo.cli.detached_run import DetachedProcess
    from git_datmo.repository.workspace import Workspace
    from git_datmo.runs.run_command import Detachment

DESCRIPTION = """\
Run a command, show and log its output, and make a snapshot. The snapshot contains the command,
its exit code and duration, the files that it read and wrote, its environment, code, parameters
and metrics. The exit code is that of the command, or 125 if the run could not be recorded. If
you run it on a terminal, the command has a terminal too. In a container this needs an engine on
this machine. The log then contains the final text of the terminal, without colours and earlier
states of progress bars.

Data that the command needs must be fetched ('git datmo checkout'). git-datmo refuses the run if the
command, or a file that it names, names data that are not fetched, or if its last run read them.

Parameters come from -p, from the options of the command (--lr 0.1, lr=0.1), and from
configuration files: YAML, JSON or TOML files that the command names, a params.* or config.* that
it read, and the .hydra/config.yaml that it wrote. 'git datmo show' tells where each parameter
comes from.

Metrics and curves come from files that the command wrote: metrics.json, metrics.jsonl, metrics.csv
or results.json, and files of TensorBoard, Lightning, Transformers, Ultralytics, DVCLive, MLflow,
W&B and Trackio. W&B runs offline unless you have set it up. A Python script can log more:
see docs/TRACKING.md. With --autolog, it logs what trained models and PyTorch Lightning say,
without a change of the script: see docs/AUTOLOG.md.

If contracts of data and models do not fit each other, git-datmo refuses the run before anything
is computed, unless --no-contract is given: see docs/CONTRACTS.md.

With --detach, this command prints the id of the run as soon as the command has started. The
command goes on without this terminal, with an empty input, and is recorded when it ends. 'git
datmo ps' lists runs in progress, 'git datmo logs -f' follows the output, and 'git datmo stop' ends
a run.

With --resume, the record names the experiment that the run goes on with. If git-datmo itself is
killed, the next run, snapshot, commit or push makes the record of the run.

Outputs are the files that git-datmo saw the command write, or that changed during the run and
that no other known process wrote. If the command writes files that git tracks, the snapshot has
their content after the run. Files that git ignores are stored up to 10 MiB in total
(datmo.ignoredLimit), or if -o names them.

Code is everything that git tracks, and the untracked files that the command names, imports or
executes. Other untracked files are not stored. git-datmo names files that the command read and
that are not in the record."""
EXAMPLES = """
git datmo run -m "baseline" -- python train.py --lr 0.1
git datmo run -p lr=0.1 -o figures --why "flips may help" -- python train.py
git datmo run --autolog -- python train.py
git datmo run --resume 3f2a9c1 -- python train.py --from checkpoint.pt
git datmo run --detach -- python train.py
git datmo run --engine docker --memory 8g --gpus all -- python train.py
"""

BEHIND = "command"
AUTOLOG = "GIT_DATMO_AUTOLOG"
# timeout(1) and `docker run` use this code for failures of their own, too.
NOT_RECORDED = 125


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo run` to its parser."""
    add_words(parser)
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
        help="the engine that runs the command (host)",
    )
    parser.add_argument(
        "-d",
        "--detach",
        action="store_true",
        help="return when the command has started, and let it outlive this terminal",
    )
    parser.add_argument(
        "--resume",
        default="",
        metavar="ID",
        help="the experiment that this run goes on with, or its id in 'git datmo ps'",
    )
    parser.add_argument(
        "--autolog",
        action="store_true",
        help="log trainings of scikit-learn, Lightning, Transformers, Keras, XGBoost and LightGBM",
    )
    parser.add_argument(
        "--no-contract",
        action="store_true",
        help="run although contracts do not fit; the record has the tag 'no-contract'",
    )
    add_engine_options(parser)
    parser.usage = parser.format_usage().removeprefix("usage: ").rstrip() + " -- CMD..."


def run(options: argparse.Namespace, console: Console) -> int:
    """Run and record a command; return its exit code.

    Returns `NOT_RECORDED` if the run cannot be recorded, so that callers can tell this from the
    command's failure.
    """
    from git_datmo.cli.main import system_error, tell
    from git_datmo.errors import DatmoError, UsageError

    if not options.command:
        raise UsageError("no command to run", "put it after '--': git datmo run -- python train.py")

    def attempt(process: DetachedProcess | None = None) -> int:
        try:
            return _run(options, console, process)
        # A wrong command line keeps git's exit code for it, 129.
        except UsageError:
            raise
        except DatmoError as error:
            tell(error, console)
        except BrokenPipeError:
            raise
        # The command can have removed the repository, or filled the disk.
        except OSError as error:
            tell(system_error(error), console)
        return NOT_RECORDED

    if not options.detach:
        return attempt()
    from git_datmo.cli.detached_run import start_detached

    status, name = start_detached(console, attempt)
    if name:
        console.print(name)
        console.out.flush()
        console.tell(f"the run goes on: 'git datmo logs -f {name[:8]}' follows its output")
    return status


def _run(
    options: argparse.Namespace, console: Console, process: DetachedProcess | None = None
) -> int:
    """Run and record a command; raise `DatmoError` if that fails.

    `process` is given for a run that outlives its terminal.
    """
    from dataclasses import replace

    from git_datmo.cli.killed_runs import finish_killed_runs
    from git_datmo.cli.streams import copy_through, screens
    from git_datmo.contract_checks.run_gate import TAG
    from git_datmo.engines.engine_contract import silent
    from git_datmo.payloads.attach_snapshot import SnapshotOptions
    from git_datmo.progress import QUIET
    from git_datmo.repository.hook_state import find_trouble
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.runs import run_command as flow
    from git_datmo.runs.figure_values import parse_figures
    from git_datmo.runs.tolerances import parse_tolerances

    figures, tolerances = parse_figures(options.parameter), parse_tolerances(options.tolerance)
    asked = SnapshotOptions(
        options.message,
        options.why,
        figures,
        tolerances=tolerances,
        sign=options.sign,
        tags=(TAG,) if options.no_contract else (),
    )
    limits = read_limits(options, options.engine)
    autolog = {AUTOLOG: "1"} if options.autolog else {}
    # The variable is a part of the recorded environment, so that a rerun logs the same.
    with open_workspace({**console.environ, **autolog}, console.cwd) as ws:
        finish_killed_runs(ws, console)
        asked = replace(asked, attempt=_find_attempt(ws, options.resume))
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
                output=copy_through if process is None else silent,
                progress=console.progress() if process is None else QUIET,
                elsewhere=bool(options.on),
                screens=screens() if process is None else (),
                detachment=_detachment(ws, process),
            )
    for warning in (*trouble, *done.warnings):
        console.warn(warning)
    console.tell(
        f"snapshot {str(done.snapshot)[:10]}: exit code {done.exit_code}; 'git datmo show' shows it"
    )
    return done.exit_code


def _detachment(ws: Workspace, process: DetachedProcess | None) -> Detachment | None:
    """Return the callbacks of a run that outlives its terminal; None for other runs."""
    if process is None:
        return None
    from functools import partial

    from git_datmo.runs.run_command import Detachment

    return Detachment(process.begin, partial(process.leave, ws.shared_state))


def _find_attempt(ws: Workspace, name: str) -> str:
    """Return the id of the experiment that the run resumes; '' for none."""
    if not name:
        return ""
    from git_datmo.runs.resumed_experiment import find_attempt

    return str(find_attempt(ws, name))
