"""The `git datmo ps` command."""

import argparse
from typing import TYPE_CHECKING, Any

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.runs.runs_in_progress import RunInProgress

DESCRIPTION = """\
List the runs in progress in all working trees of this clone, the newest first: runs of 'git datmo
run' with and without --detach, combinations of a sweep, and scripts that log by themselves. The
states are:

running    git-datmo watches the command, and will record it
stopping   'git datmo stop' asked the command to end
recording  the command has ended, and git-datmo makes the record
unwatched  git-datmo was killed, and the command goes on
killed     git-datmo was killed, and the command has ended
elsewhere  the run is on another machine

The next run, sweep, snapshot, commit or push makes the record of a killed run. 'git datmo ps'
itself changes nothing."""
EXAMPLES = """
git datmo ps
git datmo ps --json | jq -r .id
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo ps` to its parser."""
    parser.add_argument("--json", action="store_true", help="print one JSON object a run")


def run(options: argparse.Namespace, console: Console) -> int:
    """Print the runs in progress and return 0."""
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.runs.runs_in_progress import RunState, list_runs

    with open_workspace(console.environ, console.cwd) as ws:
        runs = list_runs(ws)
    if options.json:
        for each in runs:
            console.print_json(run_document(each))
        return 0
    if not runs:
        console.tell("no run is in progress")
        return 0
    _print_table(runs, console)
    killed = [each for each in runs if each.state is RunState.KILLED]
    if killed:
        console.tell(f"hint: 'git datmo stop {killed[0].short}' makes the record of the killed run")
    return 0


def run_document(run: "RunInProgress") -> dict[str, Any]:
    """Return the keys of a run for `--json`."""
    from datetime import datetime, timezone

    began = datetime.fromtimestamp(run.began, timezone.utc)
    return {
        "id": run.id,
        "state": run.state.value,
        "began": began.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "age": round(run.age, 3),
        "command": list(run.command),
        "folder": str(run.folder),
        "tree": str(run.tree),
        "engine": run.engine,
        "detached": run.is_detached,
        "host": run.host,
        "pid": run.pid,
    }


def _print_table(runs: list["RunInProgress"], console: Console) -> None:
    """Print a table of runs. The last column has the whole path of the folder."""
    from git_datmo.cli.text_tables import Cell, layout_table
    from git_datmo.sizes import show_duration
    from git_datmo.terminal_text import quote_words

    rows = [
        [
            Cell(run.short),
            Cell(run.state.value),
            Cell(show_duration(run.age), is_number=True),
            Cell(quote_words(run.command)),
        ]
        for run in runs
    ]
    head, *lines = layout_table(("id", "state", "age", "command"), rows)
    width = max(map(len, lines))
    console.print(f"{head:<{width}}  folder")
    for line, run in zip(lines, runs, strict=True):
        console.print(f"{line:<{width}}  {run.folder}")
