"""Run a sweep from the command line."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from git_datmo.cli.console import Console
from git_datmo.cli.engine import open_engine, read_limits
from git_datmo.cli.render import figures
from git_datmo.errors import DatmoError
from git_datmo.operations.sweep import (
    MadeCombination,
    Result,
    SweepPlan,
    sweep_here,
    sweep_on_cluster,
)
from git_datmo.payloads.attach_snapshot import SnapshotOptions
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.isolated_run import find_beginning
from git_datmo.runs.sweep_grid import Combination, combine, parse_grid
from git_datmo.runs.tolerances import parse_tolerances
from git_datmo.sizes import show_count

NOT_RECORDED = 125


def sweep(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Run all combinations, print the figures of each as it ends, and return the exit code.

    The exit code is 0, or 1 if a command failed, or 125 if a run could not be recorded.
    """
    plan = _plan(options, console, ws)
    status, recorded = 0, 0
    for combination, made in _results(options, console, ws, plan):
        if isinstance(made, DatmoError):
            _tell_error(options, console, combination, made)
            status = NOT_RECORDED
            continue
        _tell(options, console, combination, made)
        recorded += 1
        status = max(status, 1 if made.exit_code else 0)
    console.tell(f"{recorded} of {show_count(len(plan.combinations), 'combination')} recorded")
    return status


def _plan(options: argparse.Namespace, console: Console, ws: Workspace) -> SweepPlan:
    """Return the plan of a sweep from the options and the current working tree."""
    combinations = combine(parse_grid(options.parameter), options.command)
    asked = SnapshotOptions(
        options.message,
        options.why,
        tolerances=parse_tolerances(options.tolerance),
        sign=options.sign,
    )
    outputs = tuple(ws.relative(path) for path in options.output)
    limits = read_limits(options, options.engine)
    beginning = find_beginning(ws, progress=console.progress())
    return SweepPlan(beginning, combinations, asked, outputs, limits)


def _results(
    options: argparse.Namespace, console: Console, ws: Workspace, plan: SweepPlan
) -> Iterator[Result]:
    """Yield the result of each combination, run on this machine or on a cluster."""
    from git_datmo.cli.streams import copy_to_errors

    progress = console.progress()
    if options.cluster:
        yield from sweep_on_cluster(ws, plan, options.cluster, options.engine, progress=progress)
        return
    with open_engine(options, options.engine, ws) as engine:
        yield from sweep_here(
            ws, plan, engine, copy_to_errors, progress=progress, elsewhere=bool(options.on)
        )


def _tell(
    options: argparse.Namespace, console: Console, combination: Combination, made: MadeCombination
) -> None:
    """Print the snapshot and the figures of a combination."""
    values = {"parameters": dict(combination.parameters), "metrics": dict(made.snapshot.metrics)}
    if options.json:
        console.print_json({"snapshot": str(made.id), "exit_code": made.exit_code, **values})
    else:
        parts = [figures(values[name].items()) for name in values if values[name]]
        ended = [f"exit code {made.exit_code}"] if made.exit_code else []
        console.print(f"{str(made.id)[:10]}  " + "; ".join([*parts, *ended]))
    console.out.flush()
    for warning in made.warnings:
        console.warn(warning)


def _tell_error(
    options: argparse.Namespace, console: Console, combination: Combination, error: DatmoError
) -> None:
    """Print the error of a combination that has no snapshot."""
    from git_datmo.cli.main import tell

    which = figures(combination.parameters.items())
    tell(DatmoError(f"{which}: {error.what}", error.hint), console, as_json=options.json)
