"""Run a command, and make a snapshot of its inputs, its events and its outputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from git_datmo.contract_checks.run_gate import TAG, refuse_misfits
from git_datmo.contract_checks.value_gate import refuse_broken_data
from git_datmo.engines.engine_contract import Engine, Job, Output, Stream, ignore_start
from git_datmo.engines.environment_runners import rebuilt_command
from git_datmo.engines.gpu_memory import watched_gpus
from git_datmo.engines.resource_limits import NO_LIMITS, ResourceLimits
from git_datmo.engines.signal_relay import holding_signals
from git_datmo.errors import DatmoError
from git_datmo.history.experiments import History
from git_datmo.history.record_signatures import require_key, wants_signature
from git_datmo.model import Oid, Role
from git_datmo.payloads.addable_paths import AddableCheck
from git_datmo.payloads.attach_snapshot import SnapshotOptions, is_clean, require_commit
from git_datmo.payloads.captured_environment import (
    variables_of,
)
from git_datmo.payloads.checkout_in_progress import refuse_during_checkout
from git_datmo.payloads.checkout_target import unshared_warning
from git_datmo.payloads.code_files import (
    TRACKED,
    UNTRACKED,
    add_untracked,
    capture_code,
    named_in,
    without_payloads,
)
from git_datmo.payloads.follow_head import catch_up
from git_datmo.payloads.merging.merge_state import refuse_unresolved
from git_datmo.payloads.payload_changes import current_tracking
from git_datmo.payloads.sparse_refusal import refuse_taken
from git_datmo.payloads.store_payloads import refresh
from git_datmo.payloads.tracked_payloads import changing, save
from git_datmo.progress import QUIET, Progress
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.begun_run import Before, Begun, write_begun
from git_datmo.runs.config_files import find_config_files, remarks_on_config
from git_datmo.runs.disk_reserve import reserving
from git_datmo.runs.read_only_data import read_only_data
from git_datmo.runs.run_log import run_logged
from git_datmo.runs.run_recording import finished_by, record_run, run_folder
from git_datmo.runs.run_watch import note_recording, watching
from git_datmo.runs.runs_in_progress import note_ended_run
from git_datmo.runs.tracker_locations import tracker_variables
from git_datmo.runs.unfetched_inputs import refuse_unfetched, remarks_on_unfetched
from git_datmo.runs.would_be_tree import code_tree
from git_datmo.secrets.masking import parameter_secrets
from git_datmo.worktree.tracking import Tracking


@dataclass(frozen=True, slots=True)
class Detachment:
    """The caller of a run that outlives its terminal.

    `on_begin` receives the run's id and the warnings so far, just before the command starts.
    `on_start` is called when the command has started.
    """

    on_begin: Callable[[str, tuple[str, ...]], None]
    on_start: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished run: the snapshot's id, the exit code, and warnings for the user."""

    snapshot: Oid
    exit_code: int
    warnings: tuple[str, ...]


def run(
    ws: Workspace,
    command: Sequence[str],
    asked: SnapshotOptions,
    *,
    outputs: Sequence[str],
    engine: Engine,
    limits: ResourceLimits = NO_LIMITS,
    output: Output,
    progress: Progress = QUIET,
    elsewhere: bool = False,
    screens: tuple[Stream, ...] = (),
    detachment: Detachment | None = None,
) -> Ran:
    """Run `command` in the user's current folder, and attach a snapshot to HEAD.

    `outputs` are paths, relative to the repository, that are kept in addition to files that the run
    is seen to write. `elsewhere` says that the engine is on another machine, which cannot be
    described. `screens` are the streams for which the command gets a terminal. `detachment` is
    given for a run that outlives its terminal. Raises `DatmoError` before the command starts if the
    run cannot be recorded, or if contracts do not fit and `asked` has no tag that says so.
    """
    # Contracts first, which need neither data nor an engine; then values, which need no engine.
    if TAG not in asked.tags:
        refuse_misfits(ws)
        refuse_broken_data(ws, progress=progress)
    engine.check()
    sign = wants_signature(ws, asked=asked.sign)
    if sign:
        # A missing key shows before the command runs, not after hours of work.
        require_key(ws)
    before = prepare_run(ws, command, outputs, engine, progress)
    as_run = (
        tuple(command) if not engine.capabilities.rebuilds_environment else rebuilt_command(command)
    )
    data = read_only_data(ws.root, before.inputs, outputs)
    begun = Begun(
        tuple(command),
        asked,
        before,
        tuple(outputs),
        engine.name,
        engine.capabilities.isolated,
        limits.values(),
        elsewhere,
        run_folder(ws),
    )
    in_container, detached = engine.capabilities.isolated, detachment is not None
    with watching(ws, in_container=in_container, detached=detached) as watch:
        # From now on, another process can make the record if this one is killed.
        write_begun(watch.folder, begun)
        if detachment is not None:
            detachment.on_begin(watch.folder.name, before.warnings)
        # An engine on another machine cannot write into a folder of this one.
        journal = None if elsewhere else watch.folder
        job = Job(
            as_run,
            ws.root,
            run_folder(ws),
            {**tracker_variables(ws.environ), **variables_of(ws)},
            data,
            limits,
            journal=journal,
            screens=screens,
            on_start=detachment.on_start if detachment is not None else ignore_start,
        )
        # After the command's end, the first request to end waits until the run is recorded.
        with holding_signals(), reserving(ws.state) as reserve:
            with watched_gpus({} if elsewhere else ws.environ) as gpus:
                secrets = parameter_secrets(asked.parameters or {})
                outcome, log, hidden = run_logged(
                    ws, engine, job, output, reserve, watch.folder, secrets
                )
            note_recording(watch.folder)
            finished = finished_by(outcome, watch, log, gpus(), reserve)
            oid, warnings = record_run(
                ws, begun, finished, engine.capabilities, progress, sign=sign
            )
            # `watching` removes the run's state, so the run's id must name the snapshot before
            # that.
            note_ended_run(watch.folder, oid)
    if outcome.exit_code:
        warnings += tuple(remarks_on_unfetched(ws, current_tracking(ws)))
    return Ran(oid, outcome.exit_code, tuple(dict.fromkeys((*before.warnings, *hidden, *warnings))))


def _is_text(word: str) -> bool:
    """Return True if a word of the command line can be written as UTF-8."""
    return word.encode("utf-8", "replace").decode() == word


def prepare_run(
    ws: Workspace,
    command: Sequence[str],
    outputs: Sequence[str],
    engine: Engine,
    progress: Progress,
) -> Before:
    """Store the inputs of the run, and build its environment."""
    commit = require_commit(ws)
    for word in command:
        if not _is_text(word):
            raise DatmoError(
                f"the command's word {os.fsencode(word)!r} is not valid UTF-8",
                "a record could not name it: rename it",
            )
    if outputs:
        check, tracking = AddableCheck(ws, outputs), current_tracking(ws)
        for path in outputs:
            check.check(tracking, path, exists=False)
    with changing(ws) as old:
        refuse_during_checkout(ws)
        history = History(ws)
        unshared = unshared_warning(ws, history, commit)
        there = catch_up(ws, old, history=history, progress=progress)
        refuse_taken(ws, there)
        refuse_unfetched(ws, history, there, command)
        there, gone = _without_cleaned(ws, there)
        tracking, _ = refresh(ws, there, progress=progress)
        refuse_unresolved(ws, tracking)
        save(ws, tracking)
        others, listed = (
            said.split(b"\0")[:-1] for said in ws.repo.git.run_all(UNTRACKED, TRACKED)
        )
        untracked = without_payloads(others, tracking)
        named = untracked & set(named_in(ws, command))
        code = capture_code(ws, tracking, listed=listed, progress=progress)
        code, remarks = add_untracked(ws, code, named, progress=progress)
    environment = None
    if engine.capabilities.rebuilds_environment:
        from git_datmo.runs.rebuilt_environment import build_environment

        environment = build_environment(ws, command, engine, code, progress)
    # A progress bar left on the screen would be drawn again among the command's output.
    progress.finish()
    clean = is_clean(ws)
    inputs = tuple(tracked.payload for tracked in tracking.payloads)
    config_files = find_config_files(ws, command, inputs)
    return Before(
        commit=commit,
        clean=clean,
        tree=None if clean else code_tree(ws),
        inputs=inputs,
        code=code,
        environment=environment,
        listed=frozenset(listed),
        untracked=frozenset(untracked),
        named=frozenset(named),
        config_files=config_files,
        started=ws.now(),
        warnings=(*filter(None, [unshared]), *gone, *remarks, *remarks_on_config(config_files)),
        lacks_data=bool(unshared),
    )


def _without_cleaned(ws: Workspace, tracking: Tracking) -> tuple[Tracking, tuple[str, ...]]:
    """Stop tracking outputs and models that the user removed, as `make clean` does.

    Return the new state and a remark for each path. The run is expected to make them again.
    """
    gone = [
        tracked.payload.path
        for tracked in tracking.payloads
        if tracked.placed
        and tracked.payload.role is not Role.DATA
        and not os.path.lexists(ws.root / tracked.payload.path)
    ]
    return tracking.without(gone), tuple(
        f"'{path}' does not exist: it is no input of this run" for path in gone
    )
