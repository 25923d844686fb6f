"""The combinations of a sweep, run one after the other here or by the workers of a cluster, and what came of them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from git_datmo.cli.console import Console
from git_datmo.cli.engine import open_engine, read_limits
from git_datmo.cli.render import figures
from git_datmo.errors import DatmoError
from git_datmo.flows.attach import Asked
from git_datmo.flows.running.apart import Beginning, find_beginning, run_apart
from git_datmo.flows.running.grid import Combination, combine, parse_grid
from git_datmo.flows.running.tolerances import parse_tolerances
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Oid
from git_datmo.records.types import Snapshot

NOT_RECORDED = 125


@dataclass(frozen=True, slots=True)
class Made:
    """The snapshot of a combination."""

    id: Oid
    snapshot: Snapshot
    warnings: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        run = self.snapshot.run
        return (run.exit_code or 0) if run is not None else 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run, from where, and what is said about it."""

    beginning: Beginning
    combinations: Sequence[Combination]
    asked: Asked
    outputs: tuple[str, ...]

    def words(self, combination: Combination) -> Asked:
        return replace(self.asked, parameters=combination.parameters)


def sweep(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Run every combination; prints what came of each as it comes, and returns the exit code."""
    combinations = combine(parse_grid(options.parameter), options.command)
    asked = Asked(options.message, options.why, tolerances=parse_tolerances(options.tolerance), sign=options.sign)
    outputs = tuple(ws.relative(path) for path in options.output)
    read_limits(options, options.engine)
    plan = Plan(find_beginning(ws, progress=console.progress()), combinations, asked, outputs)
    status, recorded = 0, 0
    for combination, made in (_on_cluster if options.cluster else _here)(options, console, ws, plan):
        if isinstance(made, DatmoError):
            _tell_error(options, console, combination, made)
            status = NOT_RECORDED
            continue
        _tell(options, console, combination, made)
        recorded += 1
        status = max(status, 1 if made.exit_code else 0)
    console.tell(f"{recorded} of {len(combinations)} combinations have a snapshot")
    return status


Result = tuple[Combination, Made | DatmoError]


def _here(options: argparse.Namespace, console: Console, ws: Workspace, plan: Plan) -> Iterator[Result]:
    from git_datmo.cli.streams import copy_to_errors

    limits = read_limits(options, options.engine)
    with open_engine(options, options.engine, ws) as engine:
        for combination in plan.combinations:
            try:
                done = run_apart(
                    ws,
                    plan.beginning,
                    combination.command,
                    plan.words(combination),
                    outputs=plan.outputs,
                    engine=engine,
                    limits=limits,
                    output=copy_to_errors,
                    progress=console.progress(),
                    elsewhere=bool(options.on),
                )
            except DatmoError as error:
                yield combination, error
                continue
            record = ws.ledger.record(done.snapshot)
            assert isinstance(record, Snapshot)
            yield combination, Made(done.snapshot, record, done.warnings)


def _on_cluster(options: argparse.Namespace, console: Console, ws: Workspace, plan: Plan) -> Iterator[Result]:
    from git_datmo.cluster.client import spread, take_snapshot
    from git_datmo.cluster.tasks import Trial, find_source, require_pushed
    from git_datmo.flows.sharing.obtain import fetch
    from git_datmo.flows.sharing.share import share

    source, limits = find_source(ws), read_limits(options, options.engine)
    require_pushed(ws, plan.beginning.commit)
    share(ws, progress=console.progress())
    tasks = [
        Trial(
            source,
            plan.beginning,
            combination.command,
            plan.words(combination),
            plan.outputs,
            options.engine,
            limits,
            ws.person,
        )
        for combination in plan.combinations
    ]
    for number, answer in spread(options.cluster, tasks):
        combination = plan.combinations[number]
        try:
            oid, snapshot = take_snapshot(ws, answer)
        except DatmoError as error:
            yield combination, error
            continue
        yield combination, Made(oid, snapshot, answer.warnings)
    fetch(ws, progress=console.progress())


def _tell(options: argparse.Namespace, console: Console, combination: Combination, made: Made) -> None:
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


def _tell_error(options: argparse.Namespace, console: Console, combination: Combination, error: DatmoError) -> None:
    from git_datmo.cli.main import tell

    which = figures(combination.parameters.items())
    tell(DatmoError(f"{which}: {error.what}", error.hint), console, as_json=options.json)
