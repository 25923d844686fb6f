"""Record a finished run: its reads and outputs, its environment, code, parameters and metrics."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from git_datmo.engines.engine_capabilities import Capabilities
from git_datmo.engines.engine_contract import Outcome, portable_command
from git_datmo.engines.output_files import stream_files
from git_datmo.environments.interpreter_probe import Answered, Probing
from git_datmo.environments.machine import describe_machine
from git_datmo.errors import DatmoError
from git_datmo.model import Content, Oid
from git_datmo.payloads.attach_snapshot import attach, make_snapshot
from git_datmo.payloads.captured_environment import (
    CapturedEnvironment,
    capture_environment,
)
from git_datmo.payloads.code_files import named_in
from git_datmo.payloads.payload_changes import current_tracking
from git_datmo.progress import Progress
from git_datmo.records.record_values import Value
from git_datmo.records.snapshot_record import INTERRUPTED, Run, Snapshot
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.background_probe import begin_probing
from git_datmo.runs.begun_run import Begun
from git_datmo.runs.disk_reserve import Reserve
from git_datmo.runs.output_ownership import Owner, make_owner
from git_datmo.runs.output_walk import files_below
from git_datmo.runs.rebuild_warnings import remarks_on_rebuilding
from git_datmo.runs.run_code import whole_code
from git_datmo.runs.run_outputs import KeptOutputs, keep_outputs
from git_datmo.runs.run_reads import (
    find_used,
    record_reads,
    remarks_on_reads,
    unrecorded_files,
)
from git_datmo.runs.run_surroundings import find_surroundings, remarks_on_surroundings
from git_datmo.runs.run_values import collect_values
from git_datmo.runs.run_watch import RunWatch, other_runs
from git_datmo.runs.would_be_tree import with_files
from git_datmo.secrets.masking import conceal
from git_datmo.secrets.secret_rules import known_secrets
from git_datmo.worktree.tracking import Tracking


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished command: its observed events, end, log and GPU figures.

    `exit_code` is None if no process saw the end of the command. `status` is set if the exit
    code does not tell how the run ended. `reserve` is disk space for the record; None for none. A
    `late` record is made by a later command. It has only the outputs that the run was seen to
    write, and is not the commit's data.
    """

    watch: RunWatch
    exit_code: int | None
    seconds: float
    log: Content | None = None
    status: str = ""
    resources: Mapping[str, Value] = field(default_factory=dict)
    reserve: Reserve | None = None
    late: bool = False


def finished_by(
    outcome: Outcome,
    watch: RunWatch,
    log: Content | None,
    gpus: Mapping[str, Value],
    reserve: Reserve,
) -> Finished:
    """Return the end of a command that an engine ran."""
    status = INTERRUPTED if outcome.interrupted else ""
    resources = {**outcome.resources, **gpus}
    return Finished(watch, outcome.exit_code, outcome.seconds, log, status, resources, reserve)


def record_run(
    ws: Workspace,
    begun: Begun,
    finished: Finished,
    capabilities: Capabilities,
    progress: Progress,
    *,
    sign: bool,
) -> tuple[Oid, list[str]]:
    """Record a finished run; return the snapshot's id and the warnings.

    A file that cannot be kept causes a warning, so that the run is not lost. The outputs are stored
    first, then the disk reserve is released, then the record is made. The Python is queried at the
    same time.
    """
    watch, before, command = finished.watch, begun.before, begun.command
    # In a container's process namespace, the first process has parent 0.
    starter = 0 if begun.isolated else watch.starter
    observed = watch.observed()
    owner = make_owner(
        watch, observed, other_runs(ws, watch), starter=starter, streams=stream_files()
    )
    # The user's later changes look like outputs, so only writes that were seen count.
    if finished.late:
        owner = replace(owner, complete=True)
    # Another commit's files are not those that the run left.
    has_moved = finished.late and ws.head() != before.commit
    used = find_used(ws, watch, observed, starter=starter, in_container=begun.isolated)
    interpreter = observed.interpreter(watch.root) or begun.interpreter or None
    probing = None if before.environment else begin_probing(ws, command, interpreter)
    with ws.locked(), probing or nullcontext():
        if has_moved:
            kept = KeptOutputs(current_tracking(ws))
        else:
            kept = keep_outputs(ws, owner, begun.outputs, progress)
        # Release the reserve only after the outputs are stored. A large output must not use the
        # record's space.
        if finished.reserve is not None:
            finished.reserve.release_all()
        warnings = kept.remarks
        code, stored = whole_code(ws, before, used, kept, observed.programs, warnings, progress)
        missing = unrecorded_files(ws, used, kept.tracking, before.listed | stored)
        warnings += remarks_on_reads(used, missing)
        surroundings = find_surroundings(ws, capabilities, {*used.read, *named_in(ws, command)})
        warnings += remarks_on_surroundings(surroundings)
        surrounded = before.environment or _environment(ws, command, interpreter, probing, warnings)
        values = collect_values(
            ws,
            begun,
            watch,
            list(files_below(ws.root, kept.written)),
            (*kept.outputs, *(payload.path for payload in kept.tracked)),
            _is_written(ws, owner),
            used.read if observed.processes else None,
            late=finished.late,
        )
        warnings += values.remarks
        run = replace(
            _describe_run(ws, begun, finished, kept),
            machine=_describe_machine(ws, begun, surrounded, surroundings.locale),
            read=record_reads(used, kept.tracking) if observed.processes else None,
            attempt=values.attempt,
            series=values.series,
            artifacts=values.artifacts,
        )
        snapshot = make_snapshot(
            ws,
            kept.tracking,
            replace(begun.asked, metrics=values.metrics, parameters=values.parameters),
            commit=before.commit,
            clean=before.clean,
            code=code,
            environment=surrounded.content if surrounded is not None else None,
            run=run,
        )
        tags = tuple(dict.fromkeys((*values.tags, *begun.asked.tags)))
        snapshot = replace(snapshot, sources=values.sources, curves=values.curves, tags=tags)
        # All values must be in the snapshot before it is searched for secrets.
        snapshot, masked = conceal(snapshot, known_secrets(ws.environ))
        warnings += masked
        snapshot = replace(snapshot, side=_is_side(begun, finished))
        if before.tree is not None:
            ran = (*stored, *(os.fsencode(payload.path) for payload in kept.tracked))
            snapshot = replace(snapshot, tree=with_files(ws, before.tree, ran) or snapshot.tree)
        if has_moved:
            (oid,) = ws.ledger.attach(replace(snapshot, payloads=before.inputs, parents=()))
        else:
            oid = _attach(ws, kept.tracking, snapshot, warnings, sign=sign)
    if surrounded is not None:
        warnings += surrounded.warnings
        if before.environment is None:
            complete = observed.is_complete(starter)
            warnings += remarks_on_rebuilding(ws, command, observed, surrounded, complete=complete)
    return oid, warnings


def _describe_run(ws: Workspace, begun: Begun, finished: Finished, kept: KeptOutputs) -> Run:
    """Return the run's own entry of the record, without machine, reads and logged values."""
    limits = begun.limits or {}
    return Run(
        command=portable_command(begun.command),
        folder=run_folder(ws),
        engine=begun.engine,
        exit_code=finished.exit_code,
        started=begun.before.started,
        seconds=round(finished.seconds, 6),
        inputs=begun.before.inputs,
        outputs=tuple(kept.outputs),
        log=finished.log,
        resources={**limits, **finished.resources, "disk_used": _disk_used(kept)},
        tracked=tuple(kept.tracked),
        unseen=tuple(sorted(kept.unseen)),
        status=finished.status,
    )


def _describe_machine(
    ws: Workspace, begun: Begun, surrounded: CapturedEnvironment | None, locale: str
) -> Mapping[str, Value]:
    """Return the values of this machine; none for a run on another one."""
    if begun.elsewhere:
        return {}
    # The machine's own Debian packages say nothing about a run in a container.
    system = surrounded.system if surrounded is not None and not begun.isolated else ()
    return describe_machine(ws.environ, system=system, locale=locale)


def _is_side(begun: Begun, finished: Finished) -> bool:
    """Return True if the run does not define the data of its commit.

    This is a run on uncommitted code, or without HEAD's data. A later snapshot that has it as a
    parent can define them.
    """
    before = begun.before
    return begun.asked.side or not before.clean or before.lacks_data or finished.late


def _disk_used(kept: KeptOutputs) -> int:
    """Return the number of bytes that the run wrote, stored or not."""
    tracked = sum(payload.content.size for payload in kept.tracked)
    return sum(kept.tracking.sizes(kept.outputs)) + tracked + kept.left


def _environment(
    ws: Workspace,
    command: Sequence[str],
    interpreter: str | None,
    probing: Probing | Answered | None,
    warnings: list[str],
) -> CapturedEnvironment | None:
    """Store the environment of the interpreter that ran.

    If that fails, store the environment of the command's interpreter, and add a warning.
    """
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
