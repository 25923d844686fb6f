"""Run a sweep from the command line."""

from __future__ import annotations

import argparse
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

from git_datmo.cli.console import Console
from git_datmo.cli.engine_options import open_engine, read_limits
from git_datmo.cli.render import figures
from git_datmo.contract_checks.run_gate import TAG, refuse_misfits
from git_datmo.errors import DatmoError
from git_datmo.operations.parallel_sweep import sweep_in_parallel
from git_datmo.operations.sweep import (
    MadeCombination,
    Result,
    SweepPlan,
    sweep_here,
    sweep_on_cluster,
)
from git_datmo.operations.sweep_journal import SweepJournal, find_unfinished, open_journal
from git_datmo.payloads.attach_snapshot import SnapshotOptions
from git_datmo.payloads.code_files import TRACKED
from git_datmo.progress import Progress
from git_datmo.repository.workspace import Workspace, open_workspace
from git_datmo.runs.config_files import ConfigFile, find_config_files
from git_datmo.runs.isolated_run import find_beginning
from git_datmo.runs.sweep_grid import Combination, combine, parse_grid
from git_datmo.runs.tolerances import parse_tolerances
from git_datmo.sizes import show_count

NOT_RECORDED, INTERRUPTED_BY_USER = 125, 130
REPEATED = (
    *("parameter", "command", "output", "engine", "message", "why", "tolerance", "sign"),
    *("memory", "cpus", "gpus", "device", "network", "rebuild", "on", "cluster", "no_contract"),
)
"""The options that a sweep which goes on takes from its beginning."""


def sweep(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Run all combinations, print the figures of each as it ends, and return the exit code.

    A sweep that did not end goes on with the combinations that are missing. The exit code is 0, or
    1 if a command failed, 125 if a run could not be recorded, 130 if a person interrupted it.
    """
    if options.resume:
        vars(options).update(find_unfinished(ws))
    whole = _plan(options, console, ws)
    journal = open_journal(ws, whole, options.engine)
    done = journal.done(ws)
    missing = [each for each in whole.combinations if each.key not in done]
    count = show_count(len(whole.combinations), "combination")
    if done:
        console.tell(f"{len(done)} of {count} recorded before")
    # The journal is written before the first run, so that a killed sweep can go on.
    journal.begin(whole, {name: getattr(options, name) for name in REPEATED})
    tally = _Tally(len(done))
    rest = replace(whole, combinations=missing)
    try:
        # An interrupt leaves the loop early, and the engine or processes must end, too.
        with closing(_results(options, console, ws, rest, journal)) as results:
            for combination, made in results:
                tally.add(made)
                if isinstance(made, DatmoError):
                    _tell_error(options, console, combination, made)
                    continue
                _tell(options, console, combination, made)
                if made.is_interrupted:
                    break
                # Parallel processes note their combinations themselves.
                if options.jobs == 1:
                    journal.note(combination, made.id)
    except KeyboardInterrupt:
        tally.status = INTERRUPTED_BY_USER
    console.tell(f"{tally.recorded} of {count} recorded")
    if tally.recorded == len(whole.combinations):
        journal.end()
    else:
        console.tell("hint: 'git datmo sweep --resume' runs the missing ones")
    return tally.status


@dataclass(slots=True)
class _Tally:
    """The number of recorded combinations, and the exit code so far."""

    recorded: int
    status: int = 0

    def add(self, made: MadeCombination | DatmoError) -> None:
        """Count a combination. One that a person interrupted is not counted."""
        if isinstance(made, DatmoError):
            self.status = NOT_RECORDED
        elif made.is_interrupted:
            self.status = INTERRUPTED_BY_USER
        else:
            self.recorded += 1
            self.status = max(self.status, 1 if made.exit_code else 0)


def _plan(options: argparse.Namespace, console: Console, ws: Workspace) -> SweepPlan:
    """Return the plan of a sweep from the options and the current working tree."""
    grid = parse_grid(options.parameter)
    files = _config_files(ws, options.command) if grid else ()
    combinations = combine(grid, options.command, files)
    asked = SnapshotOptions(
        options.message,
        options.why,
        tolerances=parse_tolerances(options.tolerance),
        sign=options.sign,
        tags=(TAG,) if options.no_contract else (),
    )
    if not options.no_contract:
        refuse_misfits(ws)
    outputs = tuple(ws.relative(path) for path in options.output)
    limits = read_limits(options, options.engine)
    beginning = find_beginning(ws, progress=console.progress())
    return SweepPlan(beginning, combinations, asked, outputs, limits)


def _results(
    options: argparse.Namespace,
    console: Console,
    ws: Workspace,
    plan: SweepPlan,
    journal: SweepJournal,
) -> Generator[Result, None, None]:
    """Yield the result of each combination, run on this machine or on a cluster."""
    from git_datmo.cli.streams import copy_to_errors

    progress = console.progress()
    if options.cluster:
        yield from sweep_on_cluster(ws, plan, options.cluster, options.engine, progress=progress)
        return
    if options.jobs > 1:
        results = sweep_in_parallel(
            plan,
            options.jobs,
            partial(open_workspace, console.environ, console.cwd),
            partial(open_engine, options, options.engine),
            note=journal.note,
            elsewhere=bool(options.on),
        )
        yield from _showing(results, plan, options.jobs, progress)
        return
    with open_engine(options, options.engine, ws) as engine:
        yield from sweep_here(
            ws, plan, engine, copy_to_errors, progress=progress, elsewhere=bool(options.on)
        )


def _showing(
    results: Iterator[Result], plan: SweepPlan, jobs: int, progress: Progress
) -> Iterator[Result]:
    """Yield results, and show between them how many combinations have ended."""
    total = len(plan.combinations)
    for ended in range(total):
        progress.begin(f"Sweeping: {ended} of {total} ended, {jobs} at a time")
        result = next(results, None)
        progress.finish()
        if result is None:
            return
        yield result


def _config_files(ws: Workspace, command: Sequence[str]) -> tuple[ConfigFile, ...]:
    """Return the configuration files of the commit that the command can use."""
    payloads = [tracked.payload for tracked in ws.tracking().payloads]
    listed = {os.fsdecode(path) for path in ws.repo.git.run(*TRACKED).split(b"\0")[:-1]}
    files = find_config_files(ws, command, payloads)
    # The working tree of a run has only the files of the commit.
    return tuple(file for file in files if file.path in listed)


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
