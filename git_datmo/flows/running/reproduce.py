"""Reruns a snapshot in a fresh folder made from objects alone, compares, and leaves a receipt."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isnan
from pathlib import Path

from git_datmo.engines.base import Engine, Job, Outcome, Output, portable_command, silent
from git_datmo.engines.decode import read_environment as read_manifest
from git_datmo.engines.limits import NO_LIMITS, Limits
from git_datmo.errors import DatmoError, Incomplete
from git_datmo.flows.history import Found
from git_datmo.flows.running.environment import read_environment
from git_datmo.flows.running.figures import METRICS_FILE, read_metrics
from git_datmo.flows.sharing.keep import kept_objects
from git_datmo.flows.sharing.obtain import obtain
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Oid, Payload, Role
from git_datmo.progress import QUIET, Progress
from git_datmo.records.codec import number
from git_datmo.records.types import Difference, Receipt, Run, Snapshot, Value
from git_datmo.store.capture import Capturer
from git_datmo.store.checkout import Checkout
from git_datmo.store.layout import Node, root_node
from git_datmo.store.statcache import CacheEdit, Differences
from git_datmo.store.store import HashOnly

IDENTICAL, WITHIN, DIFFERENT, FAILED = "identical", "within tolerance", "different", "failed"

Signature = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Reproduced:
    """A finished reproduction and where its folder is."""

    receipt: Receipt
    id: Oid
    folder: Path


def prepare_run(found: Found) -> Run:
    """The run of a snapshot; raises `DatmoError` for one that names no command."""
    run = found.snapshot.run
    if run is None:
        raise DatmoError(
            f"snapshot '{found.id}' names no command to run", "snapshots made with 'git datmo run' can be reproduced"
        )
    if found.snapshot.environment is None:
        raise DatmoError(f"snapshot '{found.id}' has no environment", "its command ran without a Python to ask")
    return run


def reproduce(
    ws: Workspace,
    found: Found,
    engine: Engine,
    *,
    folder: Path,
    tolerances: Mapping[str, float],
    limits: Limits = NO_LIMITS,
    output: Output,
    progress: Progress = QUIET,
) -> Reproduced:
    """Rebuild the environment, rerun the command in the empty `folder`, compare metrics and outputs.

    Raises `DatmoError` where the rerun could not even be tried; a command that fails is a verdict.
    """
    snapshot, run = found.snapshot, prepare_run(found)
    engine.check()
    kept = {each.node: each.content.size for each in kept_objects(snapshot)}
    missing = obtain(ws, kept, size=sum(kept.values()), progress=progress)
    if missing:
        raise Incomplete(
            f"{len(missing.all)} objects of snapshot '{found.id}' can be had nowhere",
            "ask who made it to run 'git push'",
            missing=sorted(map(str, missing.all)),
        )
    assert snapshot.environment is not None
    environment = read_environment(ws, snapshot.environment)
    # The image is built before the data is there: a Dockerfile of the repository's own takes the folder as its context.
    if snapshot.code is not None:
        place(ws, [("", root_node(snapshot.code))], folder, progress)
    engine.prepare(environment, code=folder, output=silent, progress=progress)
    place(ws, [(p.path, root_node(p.content)) for p in _inputs(snapshot, run)], folder, progress)
    (folder / run.folder).mkdir(parents=True, exist_ok=True)
    before = {path: _sign(folder, path) for path in _watched(run)}
    variables = dict(read_manifest(environment.files).variables)
    data = read_only_data(folder, _inputs(snapshot, run), run.outputs)
    job = Job(portable_command(run.command), folder, run.folder, variables, data, limits)
    outcome = engine.run(job, output=output)
    if outcome.interrupted:
        # A rerun that somebody stopped says nothing about the experiment.
        raise KeyboardInterrupt
    metrics = _compare_metrics(snapshot, folder, run, before, tolerances)
    outputs = tuple(_compare_outputs(ws, snapshot, run, folder, before))
    receipt = Receipt(
        snapshot=found.id,
        commit=found.commit,
        created=ws.now(),
        author=ws.person,
        verdict=judge(run, outcome, metrics, outputs, tolerances),
        exit_code=outcome.exit_code,
        seconds=round(outcome.seconds, 6),
        engine=dict(engine.describe()),
        metrics=metrics,
        outputs=outputs,
        tolerances=dict(tolerances),
    )
    (oid,) = ws.ledger.attach(receipt)
    return Reproduced(receipt, oid, folder)


def place(ws: Workspace, contents: Iterable[tuple[str, Node]], folder: Path, progress: Progress) -> None:
    """Write stored files and folders at their paths in a folder that holds nothing there."""
    nothing = Differences((), (), (), ())
    checkout = Checkout(ws.store, folder, CacheEdit(ws.repo.format), progress)
    for path, node in contents:
        checkout.apply(checkout.plan(path, None, node, nothing))


def read_only_data(folder: Path, inputs: Iterable[Payload], outputs: Iterable[str]) -> tuple[str, ...]:
    """The data among `inputs` that a run has no business to write: neither they nor what is in them is an output.

    A payload that is not in `folder`, or is a link there, cannot be guarded.
    """
    written = [f"{path}/" for path in outputs]
    return tuple(
        payload.path
        for payload in inputs
        if payload.role is Role.DATA
        and (folder / payload.path).exists()
        and not (folder / payload.path).is_symlink()
        and not any(f"{payload.path}/".startswith(path) or path.startswith(f"{payload.path}/") for path in written)
    )


def _inputs(snapshot: Snapshot, run: Run) -> tuple[Payload, ...]:
    """What was there before the run; a command that was only recorded is taken to have made its outputs."""
    if run.exit_code is not None:
        return run.inputs
    return tuple(payload for payload in snapshot.payloads if payload.path not in run.outputs)


def _watched(run: Run) -> Iterator[str]:
    yield from run.outputs
    yield from _metrics_places(run)


def _metrics_places(run: Run) -> Iterator[str]:
    yield os.path.join(run.folder, METRICS_FILE)
    if run.folder:
        yield METRICS_FILE


def _sign(folder: Path, path: str) -> Mapping[str, Signature]:
    """What tells whether a file, or any file below a folder, was written."""
    top = folder / path
    files = [top] if not top.is_dir() else [Path(base, name) for base, _, names in os.walk(top) for name in names]
    found = {}
    for file in files:
        if os.path.lexists(file):
            info = os.lstat(file)
            found[str(file)] = (info.st_mtime_ns, info.st_size, info.st_ino)
    return found


def _compare_metrics(
    snapshot: Snapshot,
    folder: Path,
    run: Run,
    before: Mapping[str, Mapping[str, Signature]],
    tolerances: Mapping[str, float],
) -> tuple[Difference, ...]:
    """Each recorded metric beside the rerun's; one that the rerun did not write is none."""
    rerun: dict[str, Value] = {}
    for path in _metrics_places(run):
        signature = _sign(folder, path)
        if signature and signature != before[path]:
            rerun = read_metrics(folder / path)
            break
    names = sorted({*snapshot.metrics, *rerun})
    return tuple(_compare_metric(n, snapshot.metrics.get(n), rerun.get(n), tolerances.get(n)) for n in names)


def _compare_metric(name: str, recorded: Value | None, rerun: Value | None, tolerance: float | None) -> Difference:
    one, other = number(recorded), number(rerun)
    if one is None or other is None:
        return Difference(name, recorded, rerun, recorded == rerun)
    both_nan = isnan(one) and isnan(other)
    return Difference(name, recorded, rerun, both_nan or one == other or abs(one - other) <= (tolerance or 0.0))


def _compare_outputs(
    ws: Workspace,
    snapshot: Snapshot,
    run: Run,
    folder: Path,
    before: Mapping[str, Mapping[str, Signature]],
) -> Iterator[Difference]:
    """Each output's object beside the rerun's; an output that the rerun left untouched counts as not written."""
    recorded = {payload.path: payload for payload in snapshot.payloads}
    for path in run.outputs:
        payload = recorded.get(path)
        if payload is None:
            continue
        signature = _sign(folder, path)
        written = bool(signature) and signature != before[path]
        now = str(_object_of(ws, folder, path)) if written else None
        yield Difference(path, str(payload.object), now, now == str(payload.object))


def _object_of(ws: Workspace, folder: Path, path: str) -> Oid:
    """The id that the file or folder would have as a payload."""
    return Capturer(ws.store, folder, CacheEdit(ws.repo.format), QUIET).whole(path, HashOnly(ws.store)).content.object


def judge(
    run: Run,
    outcome: Outcome,
    metrics: tuple[Difference, ...],
    outputs: tuple[Difference, ...],
    tolerances: Mapping[str, float],
) -> str:
    """The verdict.

    A tolerance says that the metrics decide: outputs then have to be there, but may differ in their bytes.
    """
    if outcome.exit_code != (run.exit_code or 0):
        return FAILED
    exact = all(_compare_metric(m.name, m.recorded, m.rerun, None).same for m in metrics)
    if exact and all(output.same for output in outputs):
        return IDENTICAL
    if tolerances and all(metric.same for metric in metrics) and all(o.rerun is not None for o in outputs):
        return WITHIN
    return DIFFERENT
