"""Record a finished run: its reads and outputs, its environment, code, parameters and metrics."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from git_datmo.curves.curve_points import Points
from git_datmo.engines.engine_contract import Engine, Outcome, portable_command
from git_datmo.engines.output_files import stream_files
from git_datmo.engines.resource_limits import ResourceLimits
from git_datmo.engines.run_journal import Observed
from git_datmo.environments.interpreter_probe import Probing
from git_datmo.environments.machine import describe_machine
from git_datmo.errors import DatmoError
from git_datmo.model import Content, Oid, Payload
from git_datmo.payloads.attach_snapshot import SnapshotOptions, attach, make_snapshot
from git_datmo.payloads.captured_environment import (
    CapturedEnvironment,
    capture_environment,
)
from git_datmo.payloads.code_files import UNTRACKED_LIMIT, add_untracked, named_in, untracked_files
from git_datmo.progress import Progress
from git_datmo.records.record_values import Value
from git_datmo.records.snapshot_record import Curve, Run, Snapshot
from git_datmo.repository.stored_curves import store_curves
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.background_probe import begin_probing
from git_datmo.runs.config_files import ConfigFile, find_hydra_config
from git_datmo.runs.disk_reserve import Reserve
from git_datmo.runs.harvest import harvest
from git_datmo.runs.output_ownership import Owner, make_owner
from git_datmo.runs.output_walk import files_below
from git_datmo.runs.rebuild_warnings import remarks_on_rebuilding
from git_datmo.runs.run_outputs import KeptOutputs, keep_outputs
from git_datmo.runs.run_parameters import seen_parameters
from git_datmo.runs.run_reads import (
    Used,
    find_used,
    lacking_files,
    needed_code,
    record_reads,
    remarks_on_reads,
)
from git_datmo.runs.run_surroundings import find_surroundings, remarks_on_surroundings
from git_datmo.runs.run_watch import RunWatch, other_runs
from git_datmo.runs.tracker_locations import outside_files
from git_datmo.runs.would_be_tree import with_files
from git_datmo.secrets.masking import conceal
from git_datmo.secrets.secret_rules import known_secrets, mask
from git_datmo.terminal_text import quote_word
from git_datmo.worktree.tracking import Tracking


@dataclass(frozen=True, slots=True)
class Before:
    """The state before a run, as the record needs it.

    `tree` is the tree that a commit of the code would have; None if the code is unchanged or git
    cannot write the tree. `listed` are the files that git tracks, `untracked` those that it does
    not, and `named` the untracked ones that the command names. `lacks_data` says that no record
    has HEAD's data.
    """

    commit: Oid
    clean: bool
    tree: Oid | None
    inputs: tuple[Payload, ...]
    code: Content
    environment: CapturedEnvironment | None
    listed: frozenset[bytes]
    untracked: frozenset[bytes]
    named: frozenset[bytes]
    config_files: tuple[ConfigFile, ...]
    started: str
    warnings: tuple[str, ...]
    lacks_data: bool


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished command: its observed events, outcome, log and GPU figures.

    `elsewhere` says that the engine is on another machine. `reserve` is disk space for the record.
    """

    watch: RunWatch
    outcome: Outcome
    log: Content | None
    gpus: Mapping[str, Value]
    elsewhere: bool
    reserve: Reserve


def record_run(
    ws: Workspace,
    command: Sequence[str],
    asked: SnapshotOptions,
    before: Before,
    finished: Finished,
    outputs: Sequence[str],
    engine: Engine,
    limits: ResourceLimits,
    progress: Progress,
    *,
    sign: bool,
) -> tuple[Oid, list[str]]:
    """Record a finished run; return the snapshot's id and the warnings.

    A file that cannot be kept causes a warning, so that the run is not lost. The outputs are stored
    first, then the disk reserve is released, then the record is made. The Python is queried at the
    same time.
    """
    watch, outcome = finished.watch, finished.outcome
    # In a container's process namespace, the first process has parent 0.
    in_container = engine.capabilities.isolated
    starter = 0 if in_container else os.getpid()
    observed = watch.observed()
    owner = make_owner(
        watch, observed, other_runs(ws, watch), starter=starter, streams=stream_files()
    )
    used = find_used(ws, watch, observed, starter=starter, in_container=in_container)
    probing = (
        None if before.environment else begin_probing(ws, command, observed.interpreter(watch.root))
    )
    with ws.locked(), probing or nullcontext():
        kept = keep_outputs(ws, owner, outputs, progress)
        # Release the reserve only after the outputs are stored. A large output must not use the
        # record's space.
        finished.reserve.release_all()
        warnings = kept.remarks
        code, stored = _whole_code(ws, before, used, kept, observed.programs, warnings, progress)
        lacking = lacking_files(ws, used, kept.tracking, before.listed | stored)
        warnings += remarks_on_reads(used, lacking)
        surroundings = find_surroundings(
            ws, engine.capabilities, {*used.read, *named_in(ws, command)}
        )
        warnings += remarks_on_surroundings(surroundings)
        surrounded = before.environment or _environment(
            ws, command, watch, observed, probing, warnings
        )
        # The machine's own Debian packages say nothing about a run in a container.
        system = surrounded.system if surrounded is not None and not in_container else ()
        record = Run(
            command=portable_command(command),
            folder=run_folder(ws),
            engine=engine.name,
            exit_code=outcome.exit_code,
            started=before.started,
            seconds=round(outcome.seconds, 6),
            inputs=before.inputs,
            outputs=tuple(kept.outputs),
            log=finished.log,
            machine={}
            if finished.elsewhere
            else describe_machine(ws.environ, system=system, locale=surroundings.locale),
            resources={
                **limits.values(),
                **outcome.resources,
                **finished.gpus,
                "disk_used": _disk_used(kept),
            },
            read=record_reads(used, kept.tracking) if observed.processes else None,
            tracked=tuple(kept.tracked),
            unseen=tuple(sorted(kept.unseen)),
        )
        written = (*kept.outputs, *(payload.path for payload in kept.tracked))
        files = list(files_below(ws.root, kept.written))
        outside = () if finished.elsewhere else outside_files(ws.environ, watch.began)
        found = harvest(
            ws.root,
            run_folder(ws),
            written,
            (*files, *outside),
            _is_written(ws, owner),
            watch.began,
        )
        warnings += found.warnings
        series, curves = _store_curves(ws, found.curves, warnings)
        hydra = find_hydra_config(ws, files)
        parameters = seen_parameters(
            (*before.config_files, *((hydra,) if hydra is not None else ())),
            used.read if observed.processes else None,
            found.parameters,
            command,
            asked.parameters or {},
        )
        asked = replace(
            asked,
            metrics={**found.metrics, **(asked.metrics or {})},
            parameters=parameters.values,
        )
        environment = surrounded.content if surrounded is not None else None
        snapshot = make_snapshot(
            ws,
            kept.tracking,
            asked,
            commit=before.commit,
            clean=before.clean,
            code=code,
            environment=environment,
            run=replace(record, series=series),
        )
        snapshot, masked = conceal(snapshot, known_secrets(ws.environ))
        warnings += masked
        # A run on uncommitted code, or without HEAD's data, does not define the commit's data. A
        # later snapshot that has it as a parent can.
        side = asked.side or not before.clean or before.lacks_data
        tags = tuple(mask(tag, known_secrets(ws.environ)) for tag in found.tags)
        snapshot = replace(
            snapshot, side=side, sources=parameters.sources, curves=curves, tags=tags
        )
        if before.tree is not None:
            ran = (*stored, *(os.fsencode(payload.path) for payload in kept.tracked))
            snapshot = replace(snapshot, tree=with_files(ws, before.tree, ran) or snapshot.tree)
        oid = _attach(ws, kept.tracking, snapshot, warnings, sign=sign)
    if surrounded is not None:
        warnings += surrounded.warnings
        if before.environment is None:
            complete = observed.is_complete(starter)
            warnings += remarks_on_rebuilding(ws, command, observed, surrounded, complete=complete)
    return oid, warnings


def _store_curves(
    ws: Workspace, points: Mapping[str, Points], warnings: list[str]
) -> tuple[Content | None, dict[str, Curve]]:
    """Store the curves of a run; if that fails, add a warning, so that the run is not lost."""
    try:
        return store_curves(ws, points, {})
    except (DatmoError, OSError) as error:
        what = error.what if isinstance(error, DatmoError) else error.strerror or str(error)
        warnings.append(f"the curves were not kept: {what}")
        return None, {}


def _disk_used(kept: KeptOutputs) -> int:
    """Return the number of bytes that the run wrote, stored or not."""
    tracked = sum(payload.content.size for payload in kept.tracked)
    return sum(kept.tracking.sizes(kept.outputs)) + tracked + kept.left


def _whole_code(
    ws: Workspace,
    before: Before,
    used: Used,
    kept: KeptOutputs,
    programs: Iterable[bytes],
    warnings: list[str],
    progress: Progress,
) -> tuple[Content, set[bytes]]:
    """Return the code with the untracked files that the run needed, and the set of these files.

    The run needed a file if it imported or executed it, or if the command names it.
    """
    candidates = before.untracked
    if candidates:
        # The run may have made a candidate an output, or removed it.
        candidates &= untracked_files(ws, kept.tracking)
    needed = needed_code(used, candidates, programs) - before.named
    code, remarks = add_untracked(ws, before.code, needed, progress=progress)
    warnings += remarks
    warnings += _left_out(ws, sorted(candidates - before.named - needed), seen=bool(used.read))
    return code, needed | before.named


def _left_out(ws: Workspace, paths: Sequence[bytes], *, seen: bool) -> Iterator[str]:
    """Yield a warning about untracked files that the record does not contain.

    If the reads were not `seen`, it covers all files, else only those that are too large.
    """
    limit = ws.repo.config.number("datmo.untrackedlimit", UNTRACKED_LIMIT)
    root = os.fsencode(ws.root)
    large = [path for path in paths if _size(os.path.join(root, path)) > limit]
    names = [os.fsdecode(path) for path in (large if seen else paths)]
    if names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield (
            f"'{names[0]}'{more} {'are' if more else 'is'} untracked, and not part of the record:"
            f" where the command needs it, 'git datmo add-data {quote_word(names[0])}'"
        )


def _size(path: bytes) -> int:
    """Return the size of a file in bytes; 0 if it is gone."""
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def _environment(
    ws: Workspace,
    command: Sequence[str],
    watch: RunWatch,
    observed: Observed,
    probing: Probing | None,
    warnings: list[str],
) -> CapturedEnvironment | None:
    """Store the environment of the interpreter that ran.

    If that fails, store the environment of the command's interpreter, and add a warning.
    """
    interpreter = observed.interpreter(watch.root)
    try:
        return capture_environment(ws, command, interpreter=interpreter, probing=probing)
    except DatmoError as error:
        if interpreter is None:
            raise
        warnings.append(f"the environment is not that of '{interpreter}', which ran: {error.what}")
        return capture_environment(ws, command)


def _is_written(ws: Workspace, owner: Owner) -> Callable[[str], bool]:
    """Return a function that tells whether this run wrote a file, kept or not."""

    def is_written(path: str) -> bool:
        if os.path.isabs(path):
            return True  # its change time was compared when it was found
        try:
            info = os.lstat(ws.root / path)
        except OSError:
            return False
        return owner.of(os.fsencode(path), info) is not None

    return is_written


def _attach(
    ws: Workspace, tracking: Tracking, snapshot: Snapshot, warnings: list[str], *, sign: bool
) -> Oid:
    """Attach the snapshot, and return its id.

    If signing fails, the snapshot is attached unsigned with a warning, so that the run is not lost.
    """
    if sign:
        try:
            return attach(ws, tracking, snapshot, sign=True)
        except DatmoError as error:
            warnings.append(f"the snapshot is not signed: {error.what}")
    return attach(ws, tracking, snapshot, sign=False)


def run_folder(ws: Workspace) -> str:
    """Return the current folder relative to the repository, '' for its top."""
    return ws.repo.prefix.rstrip("/")
