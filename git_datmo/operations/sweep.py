"""Run every combination of a sweep, on this machine or on the workers of a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from git_datmo.cluster.cluster_client import spread, take_snapshot
from git_datmo.cluster.cluster_tasks import TaskSource, Trial, find_source, require_pushed
from git_datmo.engines.engine_contract import Engine, Output
from git_datmo.engines.resource_limits import ResourceLimits
from git_datmo.errors import DatmoError
from git_datmo.model import Oid
from git_datmo.payloads.attach_snapshot import SnapshotOptions
from git_datmo.progress import QUIET, Progress
from git_datmo.records.snapshot_record import INTERRUPTED, Snapshot
from git_datmo.remotes.fetch_objects import fetch
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.isolated_run import Beginning, run_apart
from git_datmo.runs.sweep_grid import Combination
from git_datmo.sharing.push import share


@dataclass(frozen=True, slots=True)
class MadeCombination:
    """The snapshot of one combination."""

    id: Oid
    snapshot: Snapshot
    warnings: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        run = self.snapshot.run
        return (run.exit_code or 0) if run is not None else 0

    @property
    def is_interrupted(self) -> bool:
        """Return True if a person interrupted the run."""
        run = self.snapshot.run
        return run is not None and run.status == INTERRUPTED


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """The combinations of a sweep, the commit and data that each starts from, and its limits.

    `outputs` are paths relative to the repository that each run keeps beside those that it wrote.
    """

    beginning: Beginning
    combinations: Sequence[Combination]
    options: SnapshotOptions
    outputs: tuple[str, ...]
    limits: ResourceLimits

    def options_of(self, combination: Combination) -> SnapshotOptions:
        return replace(self.options, parameters=combination.parameters)


Result = tuple[Combination, MadeCombination | DatmoError]


def sweep_here(
    ws: Workspace,
    plan: SweepPlan,
    engine: Engine,
    output: Output,
    *,
    progress: Progress = QUIET,
    elsewhere: bool = False,
) -> Iterator[Result]:
    """Run one combination after the other, and yield the snapshot or the error of each.

    `elsewhere` says that the engine is on another machine, whose resources are not recorded.
    """
    for combination in plan.combinations:
        try:
            made = run_combination(
                ws, plan, combination, engine, output, progress=progress, elsewhere=elsewhere
            )
        except DatmoError as error:
            yield combination, error
            continue
        yield combination, made


def run_combination(
    ws: Workspace,
    plan: SweepPlan,
    combination: Combination,
    engine: Engine,
    output: Output,
    *,
    progress: Progress = QUIET,
    elsewhere: bool = False,
) -> MadeCombination:
    """Run one combination in a working tree of its own, and return its snapshot."""
    done = run_apart(
        ws,
        plan.beginning,
        combination.command,
        plan.options_of(combination),
        outputs=plan.outputs,
        engine=engine,
        limits=plan.limits,
        output=output,
        progress=progress,
        elsewhere=elsewhere,
        edits=combination.edits,
    )
    record = ws.ledger.record(done.snapshot)
    assert isinstance(record, Snapshot)
    return MadeCombination(done.snapshot, record, done.warnings)


def sweep_on_cluster(
    ws: Workspace,
    plan: SweepPlan,
    address: str,
    engine: str,
    *,
    progress: Progress = QUIET,
) -> Iterator[Result]:
    """Run the combinations on the workers of a Dask cluster, and yield each as it ends.

    `address` is the scheduler's. Code and data are shared with the git remote first, and what the
    workers made is fetched from it last.
    """
    source = find_source(ws)
    require_pushed(ws, plan.beginning.commit)
    share(ws, progress=progress)
    tasks = [_trial(ws, source, plan, each, engine) for each in plan.combinations]
    for number, answer in spread(address, tasks):
        combination = plan.combinations[number]
        try:
            oid, snapshot = take_snapshot(ws, answer)
        except DatmoError as error:
            yield combination, error
            continue
        yield combination, MadeCombination(oid, snapshot, answer.warnings)
    fetch(ws, progress=progress)


def _trial(
    ws: Workspace, source: TaskSource, plan: SweepPlan, combination: Combination, engine: str
) -> Trial:
    return Trial(
        source,
        plan.beginning,
        combination.command,
        plan.options_of(combination),
        plan.outputs,
        engine,
        plan.limits,
        ws.person,
        combination.edits,
    )
