"""Stop a run in progress: ask its command as ^C does, then terminate it, and await the record."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from git_datmo.engines.engine_registry import EngineOptions, make_engine
from git_datmo.engines.run_journal import STOP
from git_datmo.errors import DatmoError
from git_datmo.git.command import LOCATING
from git_datmo.permissions import open_file
from git_datmo.process_endings import await_end
from git_datmo.repository.workspace import Workspace, open_workspace
from git_datmo.runs.finish_runs import finish_killed
from git_datmo.runs.run_liveness import run_processes
from git_datmo.runs.runs_in_progress import (
    RunInProgress,
    RunState,
    exists,
    read_ended_runs,
    read_run,
)

# Seconds between two looks at a run. Its process's end is noticed at once.
GLANCE = 0.2
# Seconds that making the record may take. Outputs can be large.
RECORDING_LIMIT = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class StoppedRun:
    """The end of a stopped run: its snapshot, '' if there is none, and lines for the user.

    `forced` says that the command did not end by itself when it was asked.
    """

    snapshot: str
    forced: bool
    lines: tuple[str, ...] = ()


def stop_run(ws: Workspace, run: RunInProgress, limit: float) -> StoppedRun:
    """Stop a run, and wait until its record is made.

    The command is interrupted, after `limit` seconds terminated, and after as many again killed.
    Raises `DatmoError` if the run is on another machine, or belongs to another user.
    """
    if run.state is RunState.ELSEWHERE:
        raise DatmoError(
            f"run {run.headline} is on the machine '{run.host}'", "stop it on that machine"
        )
    lines: tuple[str, ...] = ()
    forced = _ask(run, limit) if run.state.is_watched else _end_processes(run, limit)
    if exists(run):
        # No process is left that would make the record.
        lines = _finish(ws, run)
    return StoppedRun(read_ended_runs(ws).get(run.id, ""), forced, lines)


def _ask(run: RunInProgress, limit: float) -> bool:
    """Ask a run's recorder to end the command; return True if the command had to be forced."""
    forced = False
    if run.state is not RunState.RECORDING:
        with suppress(OSError):
            # The file precedes the signal, since it tells the recorder to pass the interrupt on.
            os.close(open_file(run.home / STOP, os.O_WRONLY))
        _signal([run.pid], signal.SIGINT, run)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if _has_ended(run, limit):
                break
            forced = True
            # The recorder passes requests to end on. It must outlive the command for the record.
            if number == signal.SIGTERM:
                _signal([run.pid], number, run)
            else:
                _signal(run_processes(run.home), number, run)
    _await_record(run)
    return forced


def _has_ended(run: RunInProgress, limit: float) -> bool:
    """Wait at most `limit` seconds for a command's end; return True if it has ended."""
    until = time.monotonic() + limit
    while (now := read_run(run.home)) is not None and now.state is not RunState.RECORDING:
        left = until - time.monotonic()
        if left <= 0:
            return False
        await_end([run.pid], min(GLANCE, left))
    return True


def _await_record(run: RunInProgress) -> None:
    """Wait until a run is recorded, or its recorder has ended."""
    until = time.monotonic() + RECORDING_LIMIT
    while exists(run) and time.monotonic() < until:
        now = read_run(run.home)
        if now is None or not now.state.is_watched:
            break
        await_end([run.pid], GLANCE)


def _end_processes(run: RunInProgress, limit: float) -> bool:
    """End the processes of a run that no process records; return True if they had to be forced."""
    forced = False
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        pids = run_processes(run.home)
        if not pids:
            break
        forced = number != signal.SIGINT
        _signal(pids, number, run)
        until = time.monotonic() + limit
        while (pids := run_processes(run.home)) and (left := until - time.monotonic()) > 0:
            await_end(pids, min(GLANCE, left))
    return forced


def _signal(pids: Sequence[int], number: int, run: RunInProgress) -> None:
    """Send a signal to processes; raise `DatmoError` if they belong to another user."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
        except PermissionError as error:
            raise DatmoError(
                f"run {run.headline} belongs to another user", "let that user stop it"
            ) from error


def _finish(ws: Workspace, run: RunInProgress) -> tuple[str, ...]:
    """Record a killed run in its own working tree; return lines for the user."""
    if not run.tree.is_dir():
        raise DatmoError(
            f"the working tree of run {run.headline} is gone: '{run.tree}'",
            "its record cannot be made",
        )
    # Variables like GIT_DIR would lead to another working tree than the run's.
    environ = {name: value for name, value in ws.environ.items() if name not in LOCATING}
    with open_workspace(environ, Path(run.tree)) as there:
        # A container belongs to its engine, so it outlives the killed recorder.
        if run.engine != "host":
            _remove_containers(there, run)
        return tuple(finish_killed(there))


def _remove_containers(ws: Workspace, run: RunInProgress) -> None:
    """Remove the container of a killed recorder: an engine does so when it is checked."""
    with suppress(DatmoError):
        engine = make_engine(run.engine, EngineOptions(ws.state, ws.environ))
        try:
            engine.check()
        finally:
            engine.close()
