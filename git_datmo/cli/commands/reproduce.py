"""git datmo reproduce."""

import argparse

from git_datmo.cli.console import Console
from git_datmo.cli.engine import add_engine_options, open_engine, read_limits

DESCRIPTION = """\
Reruns an experiment in a fresh folder made from what the snapshot names alone: rebuilds the
environment, runs the command in a container without network, compares metrics and outputs, and
records a receipt.

Verdicts: identical, within tolerance (exit 0); different, failed (exit 1)."""
EXAMPLES = """
git datmo reproduce HEAD
git datmo reproduce 3f9c2a --tolerance accuracy=0.002
git datmo reproduce HEAD --engine venv --trust
git datmo reproduce HEAD --on ssh://trainer.example
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="REV|ID", help="a commit or snapshot")
    parser.add_argument(
        "--engine",
        choices=("docker", "venv"),
        help="a container, or a virtual environment, which isolates less (datmo.engine, else docker)",
    )
    parser.add_argument("--trust", action="store_true", help="run it without asking, whoever made it")
    parser.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="METRIC=X",
        help="how far a metric may be off; may be repeated",
    )
    parser.add_argument("--dir", metavar="DIR", help="rerun in this new folder and keep it")
    add_engine_options(parser)
    parser.add_argument("--json", action="store_true", help="print the receipt as one JSON object")


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.cli.render import receipt_document, verdict_lines
    from git_datmo.cli.streams import copy_to_errors
    from git_datmo.engines.limits import recorded_limits
    from git_datmo.flows.history import History
    from git_datmo.flows.running import reproduce as flow
    from git_datmo.flows.running.scratch import scratch_folder
    from git_datmo.flows.workspace import open_workspace

    console.use_colours()
    tolerances = parse_tolerances(options.tolerance)
    with open_workspace(console.environ, console.cwd) as ws:
        found = History(ws).resolve(options.name)
        command = flow.prepare_run(found)
        name = options.engine or ws.repo.config.get("datmo.engine") or "docker"
        _require_trust(options, console, ws, found, command, name)
        with (
            open_engine(options, name, ws) as engine,
            scratch_folder(ws, options.dir) as folder,
        ):
            done = flow.reproduce(
                ws,
                found,
                engine,
                folder=folder,
                tolerances=tolerances,
                limits=read_limits(options, name, recorded_limits(command.resources)),
                output=copy_to_errors,
                progress=console.progress(),
            )
    if options.json:
        console.print_json({"id": str(done.id), **receipt_document(done.receipt)})
    else:
        for line in verdict_lines(done.receipt, console):
            console.print(line)
        if name == "venv":
            console.warn("a virtual environment isolates less than a container: the system's own libraries took part")
    return 0 if done.receipt.verdict in (flow.IDENTICAL, flow.WITHIN) else 1


def parse_tolerances(words: list[str]) -> dict[str, float]:
    """What `--tolerance METRIC=X` gives."""
    from git_datmo.errors import UsageError
    from git_datmo.flows.running.figures import parse_figures

    found = {}
    for name, value in parse_figures(words).items():
        if isinstance(value, bool | str) or not value >= 0:
            raise UsageError(f"the tolerance '{name}={value}' is not a number of 0 or more")
        found[name] = float(value)
    return found


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
