"""The `git datmo test` command."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console
from git_datmo.cli.engine_options import EngineNames, add_limit_options, open_engine, read_limits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from git_datmo.history.experiments import Found
    from git_datmo.model_tests.check_model import ModelTest
    from git_datmo.model_tests.held_out_rows import HeldOutRows
    from git_datmo.model_tests.model_results import ModelResult
    from git_datmo.repository.workspace import Workspace
    from git_datmo.serving.placed_snapshot import PlacedSnapshot
    from git_datmo.serving.served_model import ServedModel
    from git_datmo.serving.serving_setup import ServingOptions

DESCRIPTION = """\
Test the model of a snapshot, in the snapshot's own environment. REV is HEAD by default.

The contract: the model answers its examples, and requests at the limits of each field. It keeps
the output of its contract, and no request that the contract accepts is refused.

The gates of the contract, such as 'accuracy >= champion - 0.005', on the held-out data that the
table with the port 'label' names. --against names the champion.

The files under tests/model, by pytest. The working directory is the snapshot's folder.

Time and memory are shown beside the champion's, and decide nothing. The exit code is 0 if the
tests passed, 1 if one failed, and 2 if one could not be decided or if there was nothing to test.
See docs/TESTING.md."""
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
    add(
        "--engine",
        choices=EngineNames(),
        help="a container, a virtual environment (isolates less), or the installed packages"
        " (datmo.engine or docker)",
    )
    add(
        "--trust",
        action="store_true",
        help="test the snapshot of another person without asking (datmo.trust)",
    )
    add("--entry", default="", metavar="FILE:NAME", help="the function that predicts")
    add("--model", default="", metavar="PATH", help="the model file, without an entry")
    add("--timeout", type=float, default=30.0, metavar="S", help="seconds for a request (30)")
    add("--load-timeout", type=float, default=600.0, metavar="S", help="seconds to load (600)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--report", choices=REPORTS, default="text", help="the form (text)")
    form.add_argument("--json", action="store_true", help="print a JSON object (docs/json.md)")
    add_limit_options(parser)
    add("--rebuild", action="store_true", help="build the environment again even if it exists")


def run(options: argparse.Namespace, console: Console) -> int:
    """Test a snapshot, print the results, and return the exit code of the verdict."""
    import asyncio
    from contextlib import ExitStack

    from git_datmo.cli.streams import copy_to_errors
    from git_datmo.errors import UsageError
    from git_datmo.model_tests.check_model import check_model
    from git_datmo.model_tests.model_results import verdict_of
    from git_datmo.model_tests.pytest_files import run_pytest
    from git_datmo.repository.workspace import open_workspace

    if options.timeout <= 0 or options.load_timeout <= 0:
        raise UsageError("--timeout and --load-timeout take a number above 0")
    with ExitStack() as stack:
        with open_workspace(console.environ, console.cwd) as ws:
            test, placed, serving = _prepare(options, console, ws, stack)
        # From now on the repository is closed, so that a long test does not hold up 'gc'.
        results = asyncio.run(check_model(test))
        results += run_pytest(placed, serving.engine, serving.limits, copy_to_errors)
    champion = test.champion.snapshot if test.champion else None
    _print(options, console, results, placed.snapshot, champion)
    return EXIT_CODES[verdict_of(results)]


def _prepare(
    options: argparse.Namespace, console: Console, ws: Workspace, stack: ExitStack
) -> tuple[ModelTest, PlacedSnapshot, ServingOptions]:
    """Place the model, its champion and the held-out rows. Engines stay open in `stack`."""
    from git_datmo.errors import DatmoError
    from git_datmo.history.experiments import History
    from git_datmo.model_tests.check_model import ModelTest
    from git_datmo.payloads.checkout_target import find_experiment
    from git_datmo.runs.rerun_folder import scratch_folder
    from git_datmo.serving.serving_setup import serve_placed

    history, progress = History(ws), console.progress()
    found = find_experiment(ws, history, options.name, progress=progress)
    other = None
    if options.against:
        other = find_experiment(ws, history, options.against, progress=progress)
    folder = stack.enter_context(scratch_folder(ws, None))
    placed, serving = _place(options, console, ws, stack, found, folder / "model")
    model = serve_placed(placed, serving, folder / "worker")
    rows, no_rows = _hold_out(console, ws, found, model, folder / "held-out")
    champion: ServedModel | None = None
    no_champion = ""
    if other is not None:
        before, its_serving = _place(options, console, ws, stack, other, folder / "champion")
        try:
            champion = serve_placed(before, its_serving, folder / "champion-worker")
        except DatmoError as error:
            no_champion = error.what
    return ModelTest(model, champion, rows, no_rows, no_champion), placed, serving


def _place(
    options: argparse.Namespace,
    console: Console,
    ws: Workspace,
    stack: ExitStack,
    found: Found,
    folder: Path,
) -> tuple[PlacedSnapshot, ServingOptions]:
    """Write a snapshot into a new folder, and prepare its environment in an engine of its own."""
    from git_datmo.cli.rerun_options import require_trust
    from git_datmo.cli.streams import copy_to_errors
    from git_datmo.engines.engine_registry import DEFAULT, find_engine
    from git_datmo.serving.place_snapshot import place_snapshot
    from git_datmo.serving.serving_setup import ServingOptions

    name = options.engine or ws.repo.config.get("datmo.engine") or DEFAULT
    limits = read_limits(options, name)
    isolated = find_engine(name).capabilities.isolated
    shown = options.entry or "load and call its model, and run its tests"
    require_trust(options, console, ws, found, isolated=isolated, shown=shown)
    engine = stack.enter_context(open_engine(options, name, ws))
    folder.mkdir()
    placed = place_snapshot(ws, found, engine, folder, console.progress())
    serving = ServingOptions(
        engine=engine,
        limits=limits,
        output=copy_to_errors,
        report=console.tell,
        entry=options.entry,
        model=options.model,
        seconds=options.timeout,
        load_seconds=options.load_timeout,
    )
    return placed, serving


def _hold_out(
    console: Console, ws: Workspace, found: Found, model: ServedModel, folder: Path
) -> tuple[HeldOutRows | None, str]:
    """Place the held-out rows if the contract has gates; return them, or why there are none."""
    from git_datmo.errors import DatmoError, Incomplete
    from git_datmo.model_tests.held_out_rows import place_held_out

    if model.contract is None or not model.contract.contract.gates:
        return None, ""
    folder.mkdir()
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
