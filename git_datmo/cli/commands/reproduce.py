"""git datmo reproduce."""

import argparse

from git_datmo.cli.console import Console
from git_datmo.cli.limits import add_limits, read_limits

DESCRIPTION = """\
Reruns an experiment in a fresh folder made from what the snapshot names alone: rebuilds the
environment, runs the command in a container without network, compares metrics as numbers and
outputs byte for byte, or where these differ, by what they hold; says what could explain a
difference, and records a receipt.

A tolerance for a metric says that the metrics decide: outputs without a tolerance of their own then
have to be there, but may differ. Where none is given for it, datmo.tolerance in git's config holds
(NAME=X, any number of them), then the snapshot's own.

Verdicts: identical, within tolerance (exit 0); different, failed (exit 1)."""
EXAMPLES = """
git datmo reproduce HEAD
git datmo reproduce 3f9c2a --tolerance accuracy=0.002
git datmo reproduce HEAD --tolerance predictions.npy=1e-6 --repeat 3
git datmo reproduce HEAD --engine venv --trust
"""

WEAKER = {
    "venv": "a virtual environment isolates less than a container: the system's own libraries took part",
    "host": "it ran with what is installed here: nothing was rebuilt",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="REV|ID", help="a commit or snapshot")
    parser.add_argument(
        "--engine",
        choices=("docker", "venv", "host"),
        help="a container; a virtual environment, which isolates less; what is installed here (datmo.engine or docker)",
    )
    parser.add_argument("--trust", action="store_true", help="run it without asking, whoever made it")
    parser.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="NAME=X",
        help="how far a metric or output may be off; may be repeated",
    )
    parser.add_argument(
        "--repeat", type=int, default=1, metavar="N", help="rerun it N times, and say what differs between them (1)"
    )
    parser.add_argument("--dir", metavar="DIR", help="rerun in this new folder and keep it")
    add_limits(parser)
    parser.add_argument("--json", action="store_true", help="print the receipt as one JSON object")


def run(options: argparse.Namespace, console: Console) -> int:
    from contextlib import closing

    from git_datmo.cli.streams import copy_to_errors
    from git_datmo.cli.verdicts import GOOD, receipt_document, verdict_lines
    from git_datmo.engines.choose import make_engine
    from git_datmo.engines.limits import recorded_limits
    from git_datmo.errors import UsageError
    from git_datmo.flows.history import History
    from git_datmo.flows.running.reproduce import reproduce
    from git_datmo.flows.running.rerun import Means, require_run
    from git_datmo.flows.running.scratch import scratch_folder
    from git_datmo.flows.running.tolerances import find_tolerances, parse_tolerances
    from git_datmo.flows.workspace import open_workspace

    console.use_colours()
    asked = parse_tolerances(options.tolerance)
    if options.repeat < 1:
        raise UsageError("--repeat takes a number of 1 or more")
    with open_workspace(console.environ, console.cwd) as ws:
        found = History(ws).resolve(options.name)
        command = require_run(found)
        tolerances = find_tolerances(ws, found.snapshot, asked)
        name = options.engine or ws.repo.config.get("datmo.engine") or "docker"
        limits = read_limits(options, name, recorded_limits(command.resources))
        _require_trust(options, console, ws, found, command, name)
        with (
            closing(
                make_engine(name, cache=ws.shared_state / "environments", environ=ws.environ, rebuild=options.rebuild)
            ) as engine,
            scratch_folder(ws, options.dir) as folder,
        ):
            done = reproduce(
                ws,
                found,
                Means(engine, copy_to_errors, limits, console.progress()),
                folder=folder,
                tolerances=tolerances,
                repeat=options.repeat,
            )
    if options.json:
        console.print_json({"id": str(done.id), **receipt_document(done.receipt)})
    else:
        for line in verdict_lines(done.receipt, console):
            console.print(line)
        if name in WEAKER:
            console.warn(WEAKER[name])
    return 0 if done.receipt.verdict in GOOD else 1


def _require_trust(
    options: argparse.Namespace, console: Console, ws: object, found: object, run_of: object, engine: str
) -> None:
    """A stranger's command runs outside a container only when somebody said so."""
    import shlex

    from git_datmo.errors import DatmoError
    from git_datmo.flows.history import Found
    from git_datmo.flows.workspace import Workspace
    from git_datmo.records.types import Run

    assert isinstance(ws, Workspace)
    assert isinstance(found, Found)
    assert isinstance(run_of, Run)
    own = found.snapshot.author == ws.person
    if engine == "docker" or options.trust or own or ws.repo.config.flag("datmo.trust"):
        return
    author = found.snapshot.author
    console.tell(
        f"{author.name} <{author.email}> made this snapshot; outside a container its command can do what you can:"
    )
    console.tell(f"  {shlex.join(run_of.command)}")
    if not console.ask("Run it?"):
        raise DatmoError(
            "not run: the snapshot is somebody else's", "look at it with 'git datmo show', then give --trust"
        )
