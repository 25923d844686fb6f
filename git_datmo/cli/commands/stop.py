"""The `git datmo stop` command."""

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.repository.workspace import Workspace
    from git_datmo.runs.runs_in_progress import RunInProgress

DESCRIPTION = """\
Stop a run in progress, and wait until its record is made. The command gets an interrupt, as from
^C, so that it can save its state. If it still runs after --timeout seconds, it is terminated
(SIGTERM), and killed after as many seconds again. A command in a container is killed 10 seconds
after the interrupt.

Without an id, the only run in progress is stopped. 'git datmo ps' lists them. If git-datmo was
killed, this command ends what is left of the run, and makes the record."""
EXAMPLES = """
git datmo stop
git datmo stop 3f2a9c1b --timeout 60
"""
TIMEOUT = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo stop` to its parser."""
    parser.add_argument("run", nargs="?", default="", metavar="RUN", help="the id of the run")
    parser.add_argument(
        "--timeout",
        type=_parse_seconds,
        default=TIMEOUT,
        metavar="SECONDS",
        help="seconds until the command is terminated (10)",
    )


def _parse_seconds(text: str) -> float:
    """Return a number of seconds; raise `ValueError` for one that is negative or no number."""
    seconds = float(text)
    if not 0 <= seconds < 1e9:
        # argparse turns this error of a type into one of the command line.
        raise ValueError(text)
    return seconds


def run(options: argparse.Namespace, console: Console) -> int:
    """Stop a run; return 0, or 125 if it could not be recorded."""
    from git_datmo.cli.detached_run import MESSAGES
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.runs.stop_run import stop_run

    with open_workspace(console.environ, console.cwd) as ws:
        chosen = _choose(ws, options.run)
        stopped = stop_run(ws, chosen, options.timeout)
        messages = ws.shared_state / MESSAGES
    for line in stopped.lines:
        console.warn(line)
    ended = "was killed" if stopped.forced else "ended"
    if stopped.snapshot:
        console.tell(f"run {chosen.short} {ended}: snapshot {stopped.snapshot[:10]}")
        return 0
    console.warn(f"run {chosen.short} {ended}, and is not recorded")
    if chosen.is_detached and messages.exists():
        console.tell(f"hint: '{messages}' has its messages")
    return 125


def _choose(ws: "Workspace", name: str) -> "RunInProgress":
    """Return the run in progress with an id, or the only one; raise `DatmoError` for none."""
    from git_datmo.errors import DatmoError
    from git_datmo.runs.runs_in_progress import choose_run, list_runs, snapshot_of_ended

    runs = list_runs(ws)
    if name:
        chosen = choose_run(runs, name)
        if chosen is not None:
            return chosen
        snapshot = snapshot_of_ended(ws, name)
        if snapshot:
            raise DatmoError(
                f"run '{name}' has ended", f"'git datmo show {snapshot[:10]}' shows its record"
            )
        raise DatmoError(
            f"no run in progress has the id '{name}'", "'git datmo ps' lists the runs in progress"
        )
    if not runs:
        raise DatmoError("no run is in progress", "'git datmo log' lists the experiments")
    if len(runs) > 1:
        raise DatmoError(
            f"{len(runs)} runs are in progress", "give an id: 'git datmo ps' lists the runs"
        )
    return runs[0]
