"""The `git datmo test` command."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console
from git_datmo.cli.engine_options import add_limit_options
from git_datmo.cli.model_options import add_model_options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from git_datmo.history.experiments import Found
    from git_datmo.model_tests.check_model import PlacedModels
    from git_datmo.model_tests.held_out_rows import HeldOutRows
    from git_datmo.model_tests.model_results import ModelResult
    from git_datmo.repository.workspace import Workspace
    from git_datmo.serving.deploy_snapshot import Deployer, Deployment
    from git_datmo.serving.served_model import ServedModel

DESCRIPTION = """\
Test the model of a snapshot, in the snapshot's own environment. REV is HEAD by default.

The contract: the model answers its examples, and requests at the limits of each field. It keeps
the output of its contract, and no request that the contract accepts is refused.

The gates of the contract, such as 'accuracy >= champion - 0.005', on the held-out data that the
table with the port 'label' names. --against names the champion.

The files under tests/model, by pytest. The working directory is the snapshot's folder.

Time and memory are shown beside the champion's, and decide nothing. The exit code is 0 if the
tests passed, 1 if one failed, and 2 if one could not be decided or if there was nothing to test.
The results are recorded, and a push shares them. See docs/TESTING.md."""
EXAMPLES = """
git datmo test
git datmo test --engine venv --against origin/production
git datmo test v1.1 --against v1.0 --report junit > model.xml
git datmo test --engine host --json
"""
REPORTS = ("text", "markdown", "junit")
EXIT_CODES = {"passed": 0, "failed": 1, "undecided": 2}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo test` to its parser."""
    add = parser.add_argument
    add("name", nargs="?", default="HEAD", metavar="REV|ID", help="a commit or snapshot (HEAD)")
    add("--against", default="", metavar="REV|ID", help="the champion, to compare with")
    add_model_options(parser, "test")
    add("--timeout", type=float, default=30.0, metavar="S", help="seconds for a request (30)")
    add("--load-timeout", type=float, default=600.0, metavar="S", help="seconds to load (600)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--report", choices=REPORTS, default="text", help="the form (text)")
    form.add_argument("--json", action="store_true", help="print a JSON object (docs/json.md)")
    add_limit_options(parser)
    add("--rebuild", action="store_true", help="build the environment again even if it exists")


def run(options: argparse.Namespace, console: Console) -> int:
    """Test a snapshot, record and print the results, and return the exit code of the verdict."""
    import asyncio
    from contextlib import ExitStack

    from git_datmo.cli.streams import copy_to_errors
    from git_datmo.errors import UsageError
    from git_datmo.model_tests.check_model import check_model
    from git_datmo.model_tests.model_results import verdict_of
    from git_datmo.model_tests.pytest_files import run_pytest
    from git_datmo.model_tests.recorded_tests import record_results
    from git_datmo.repository.workspace import open_workspace

    if options.timeout <= 0 or options.load_timeout <= 0:
        raise UsageError("--timeout and --load-timeout take a number above 0")
    with ExitStack() as stack:
        with open_workspace(console.environ, console.cwd) as ws:
            models, deployment = _prepare(options, console, ws, stack)
        # From now on the repository is closed, so that a long test does not hold up 'gc'.
        results = asyncio.run(check_model(models))
        engine, limits = deployment.options.engine, deployment.options.limits
        results += run_pytest(deployment.placed, engine, limits, copy_to_errors)
        described = engine.describe()
    champion = models.champion.snapshot if models.champion else None
    with open_workspace(console.environ, console.cwd) as ws:
        record_results(ws, models.model, champion, described, results)
    _print(options, console, results, models.model.snapshot, champion)
    return EXIT_CODES[verdict_of(results)]


def _prepare(
    options: argparse.Namespace, console: Console, ws: Workspace, stack: ExitStack
) -> tuple[PlacedModels, Deployment]:
    """Place the model, its champion and the held-out rows. Engines stay open in `stack`."""
    from git_datmo.cli.model_options import make_deployer, name_engine
    from git_datmo.errors import DatmoError
    from git_datmo.history.experiments import History
    from git_datmo.model_tests.check_model import PlacedModels
    from git_datmo.payloads.checkout_target import find_experiment
    from git_datmo.runs.rerun_folder import scratch_folder
    from git_datmo.serving.serving_setup import ServingOptions

    history, progress = History(ws), console.progress()
    found = find_experiment(ws, history, options.name, progress=progress)
    other = None
    if options.against:
        other = find_experiment(ws, history, options.against, progress=progress)
    engine = name_engine(options, ws)
    deployer = make_deployer(options, console, engine, progress, ServingOptions)
    deployment = _place(options, console, ws, deployer, found, stack)
    model = deployment.serve()
    # A folder of its own, so that no model can read the labels.
    folder = stack.enter_context(scratch_folder(ws, None))
    rows, no_rows = _hold_out(console, ws, found, model, folder)
    champion: ServedModel | None = None
    no_champion = ""
    if other is not None:
        before = _place(options, console, ws, deployer, other, stack)
        try:
            champion = before.serve()
        except DatmoError as error:
            no_champion = error.what
    return PlacedModels(model, champion, rows, no_rows, no_champion), deployment


def _place(
    options: argparse.Namespace,
    console: Console,
    ws: Workspace,
    deployer: Deployer,
    found: Found,
    stack: ExitStack,
) -> Deployment:
    """Place a snapshot with an engine of its own, after asking for approval."""
    from git_datmo.cli.rerun_options import require_trust

    shown = options.entry or "load and call its model, and run its tests"
    require_trust(options, console, ws, found, isolated=deployer.isolated, shown=shown)
    return deployer.place(ws, found, stack)


def _hold_out(
    console: Console, ws: Workspace, found: Found, model: ServedModel, folder: Path
) -> tuple[HeldOutRows | None, str]:
    """Place the held-out rows if the contract has gates; return them, or why there are none."""
    from git_datmo.errors import DatmoError, Incomplete
    from git_datmo.model_tests.held_out_rows import place_held_out

    if model.contract is None or not model.contract.contract.gates:
        return None, ""
    try:
        rows = place_held_out(ws, found, model.contract, folder, console.progress())
    except Incomplete:
        raise
    except DatmoError as error:
        return None, f"{error.what}; {error.hint}" if error.hint else error.what
    return rows, "" if rows else "the contract has no table with the port 'label'"


def _print(
    options: argparse.Namespace,
    console: Console,
    results: Sequence[ModelResult],
    snapshot: str,
    champion: str | None,
) -> None:
    """Print the results in the form that the options ask for."""
    from git_datmo.cli.model_test_formats import (
        make_document,
        make_junit,
        make_markdown,
        text_lines,
    )
    from git_datmo.terminal_text import make_printable

    if options.json:
        console.print_json(make_document(results, snapshot, champion))
    elif options.report == "text":
        for line in text_lines(results):
            console.print(line)
    else:
        junit = options.report == "junit"
        text = make_junit(results) if junit else make_markdown(results, snapshot, champion)
        console.print_lines("\n".join(map(make_printable, text.split("\n"))))
