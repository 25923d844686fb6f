"""Record runs in a process that did not run the command.

A training script that no `git datmo run` surrounds begins and ends its run through these functions.
A run whose recorder was killed is recorded by the next command that may write.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path

from git_datmo.engines.engine_capabilities import BUILT_IN, HOST
from git_datmo.engines.engine_registry import EngineOptions, make_engine
from git_datmo.errors import DatmoError
from git_datmo.history.experiments import History
from git_datmo.history.record_signatures import wants_signature
from git_datmo.locking import locked
from git_datmo.model import Content, Oid
from git_datmo.payloads.attach_snapshot import SnapshotOptions
from git_datmo.payloads.code_files import TRACKED, add_text
from git_datmo.progress import QUIET, Progress
from git_datmo.records.snapshot_record import INTERRUPTED, KILLED
from git_datmo.repository.workspace import Workspace, open_workspace
from git_datmo.runs.begun_run import Before, Begun, read_begun, write_begun
from git_datmo.runs.run_command import prepare_run
from git_datmo.runs.run_log import store_log
from git_datmo.runs.run_recording import Finished, record_run, run_folder
from git_datmo.runs.run_watch import (
    LOG,
    RunWatch,
    begin_watch,
    end_watch,
    find_watch,
    killed_runs,
    last_sign,
    note_recording,
)
from git_datmo.runs.runs_in_progress import note_ended_run
from git_datmo.secrets.masking import command_secrets, parameter_secrets
from git_datmo.terminal_text import quote_words


def begin_run(
    ws: Workspace,
    command: Sequence[str],
    asked: SnapshotOptions,
    pid: int,
    interpreter: str,
    *,
    cells: str = "",
) -> tuple[Path, tuple[str, ...]]:
    """Begin the run of the process `pid`; return the run's folder and warnings.

    `cells` are those of a notebook, as a script that the last word of `command` names.
    """
    with closing(make_engine("host", EngineOptions(ws.state, ws.environ))) as engine:
        before = prepare_run(ws, command, (), engine, QUIET)
    if cells:
        name, before = _with_cells(ws, before, command[-1], cells)
        command = (*command[:-1], name)
    begun = Begun(tuple(command), asked, before, folder=run_folder(ws), interpreter=interpreter)
    watch = begin_watch(ws, pid)
    write_begun(watch.folder, begun)
    return watch.folder, before.warnings


def end_run(
    ws: Workspace,
    folder: Path,
    exit_code: int,
    *,
    interrupted: bool,
    message: str,
    why: str,
) -> tuple[Oid, tuple[str, ...]]:
    """Record the run that `begin_run` began; return the snapshot's id and warnings.

    The message and the reason may be other ones than those that it began with.
    """
    begun, watch = _find(ws, folder)
    if begun is None or watch is None:
        raise DatmoError(f"'{folder}' holds no run in progress")
    begun = replace(begun, asked=replace(begun.asked, message=message, why=why))
    # From now on, `git datmo stop` waits for the record instead of ending the script.
    note_recording(folder)
    seconds = time.time() - watch.began / 1e9
    status = INTERRUPTED if interrupted else ""
    with _in_folder(ws, begun) as there:
        log = _stored_log(there, begun, watch.folder)
        finished = Finished(watch, exit_code, seconds, log, status)
        oid, warnings = record_run(
            there, begun, finished, HOST, QUIET, sign=wants_signature(ws, asked=False)
        )
    # `end_watch` removes the run's state, so the run's id must name the snapshot before that.
    note_ended_run(folder, oid)
    end_watch(folder)
    return oid, tuple(dict.fromkeys(warnings))


def _with_cells(ws: Workspace, before: Before, name: str, cells: str) -> tuple[str, Before]:
    """Add a notebook's cells to the code of a run, under a name that no file has; return both."""
    stem, suffix = os.path.splitext(name)
    names = (f"{stem}_{number}{suffix}" if number else name for number in count())
    taken = before.listed | before.untracked
    free = next(each for each in names if os.fsencode(ws.repo.prefix + each) not in taken)
    path = os.fsencode(ws.repo.prefix + free)
    return free, replace(before, code=add_text(ws, before.code, path, cells))


def finish_killed(ws: Workspace, progress: Progress = QUIET) -> list[str]:
    """Record the runs of this working tree that were killed; return a line for each.

    A run that cannot be recorded is given up, so that later commands do not try it again.
    """
    said = list[str]()
    for folder in killed_runs(ws):
        # Several commands may find the same run. The second one finds it recorded.
        with locked(folder / "finishing"):
            begun, watch = _find(ws, folder)
            if begun is None or watch is None:
                continue
            # The recorder may have been killed between making the record and noting the run's end.
            # A kill between the record and the end of the watch leaves the folder behind.
            recorded = _find_record(ws, begun)
            if recorded is not None:
                note_ended_run(folder, recorded)
                end_watch(folder)
                continue
            command = quote_words(begun.command)
            try:
                oid = _finish(ws, begun, watch, progress)
                note_ended_run(folder, oid)
                said.append(
                    f"the run '{command}' was killed: snapshot {str(oid)[:10]} has what it left"
                )
            except DatmoError as error:
                said.append(f"the run '{command}' was killed, and is not recorded: {error.what}")
            end_watch(folder)
    return said


def _find_record(ws: Workspace, begun: Begun) -> Oid | None:
    """Return the snapshot of a run that was killed after its record was made; None for others.

    No two runs of a clone start in the same microsecond.
    """
    history, before = History(ws), begun.before
    for row in history.own(before.commit):
        snapshot = history.snapshot(row.record)
        run = snapshot.run if snapshot is not None else None
        if run is not None and run.started == before.started:
            return Oid.parse(row.record)
    return None


def _find(ws: Workspace, folder: Path) -> tuple[Begun | None, RunWatch | None]:
    """Return the run in a folder, as it was before and as it is watched."""
    listed = frozenset(ws.repo.git.run(*TRACKED).split(b"\0")[:-1])
    begun = read_begun(folder, listed)
    if begun is None:
        return None, None
    return begun, find_watch(ws, folder, in_container=begun.isolated)


def _finish(ws: Workspace, begun: Begun, watch: RunWatch, progress: Progress) -> Oid:
    """Record a killed run."""
    seconds = max(last_sign(watch.folder) - watch.began / 1e9, 0.0)
    with _in_folder(ws, begun) as there:
        log = _stored_log(there, begun, watch.folder)
        finished = Finished(watch, None, seconds, log, KILLED, late=True)
        capabilities = BUILT_IN.get(begun.engine, HOST)
        oid, _ = record_run(there, begun, finished, capabilities, progress, sign=False)
    return oid


def _in_folder(ws: Workspace, begun: Begun) -> Workspace:
    """Open the workspace in the folder in which the run began; in its top if that is gone."""
    folder = ws.root / begun.folder
    return open_workspace(ws.environ, folder if folder.is_dir() else ws.root)


def _stored_log(ws: Workspace, begun: Begun, folder: Path) -> Content | None:
    """Store the log in the folder of a run; return None if there is none."""
    secrets = (*parameter_secrets(begun.asked.parameters or {}), *command_secrets(begun.command))
    try:
        with (folder / LOG).open("rb") as file:
            return store_log(ws, file, secrets)[0]
    except OSError:
        return None
