"""List the runs in progress of a clone, and find runs by their ids. Nothing is written."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from git_datmo.engines.run_journal import is_asked_to_stop
from git_datmo.errors import DatmoError
from git_datmo.fsio import append
from git_datmo.model import Oid
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.run_liveness import is_alive, is_here, run_processes
from git_datmo.runs.run_watch import BEGUN, LOG, RECORDING, read_state, runs_folder
from git_datmo.terminal_text import quote_words

SHORT = 8
"""Characters of an id that are shown."""
ENDED_RUNS = "ended-runs"

_ID = re.compile(r"[0-9a-f]{4,12}\Z")


class RunState(str, Enum):
    """The state of a run without a record.

    A process of git-datmo watches the command (`running`), was asked to stop it (`stopping`), or
    makes the record (`recording`). If that process was killed, the command still runs
    (`unwatched`), or has ended (`killed`). A run on another machine is `elsewhere`.
    """

    RUNNING = "running"
    STOPPING = "stopping"
    RECORDING = "recording"
    UNWATCHED = "unwatched"
    KILLED = "killed"
    ELSEWHERE = "elsewhere"

    @property
    def is_watched(self) -> bool:
        """Return True if a process of git-datmo will make the record."""
        return self in (RunState.RUNNING, RunState.STOPPING, RunState.RECORDING)


@dataclass(frozen=True, slots=True)
class RunInProgress:
    """A run without a record so far.

    `pid` is the process that will record it: git-datmo, or a script that logs by itself. `began` is
    in seconds since 1970. `folder` is the working directory, and `tree` the top of its working
    tree. `home` is the folder with the run's journals and log.
    """

    id: str
    state: RunState
    command: tuple[str, ...]
    engine: str
    host: str
    pid: int
    began: float
    folder: Path
    tree: Path
    is_detached: bool
    home: Path

    @property
    def log(self) -> Path:
        """Return the path of the log."""
        return self.home / LOG

    @property
    def age(self) -> float:
        """Return the seconds since the command began."""
        return max(time.time() - self.began, 0.0)

    @property
    def short(self) -> str:
        """Return the start of the id."""
        return self.id[:SHORT]

    @property
    def headline(self) -> str:
        """Return the start of the id and the command."""
        return f"{self.short} ({quote_words(self.command)})"


def list_runs(ws: Workspace) -> list[RunInProgress]:
    """Return the runs in progress in all working trees of this clone, the newest first."""
    base = runs_folder(ws)
    found = (read_run(folder) for folder in (base.iterdir() if base.is_dir() else ()))
    return sorted((run for run in found if run is not None), key=lambda run: -run.began)


def read_run(home: Path) -> RunInProgress | None:
    """Return the run with the folder `home`; None if it is recorded, or its folder is damaged."""
    state = read_state(home)
    try:
        begun = json.loads((home / BEGUN).read_bytes())
        if state is None or state["ended"] is not None:
            return None
        return RunInProgress(
            id=home.name,
            state=_find_state(home, state),
            command=tuple(begun["command"]),
            engine=begun["engine"],
            host=state["host"],
            pid=state["pid"],
            began=state["began"] / 1e9,
            folder=Path(state["tree"], begun["folder"]),
            tree=Path(state["tree"]),
            is_detached=state["detached"],
            home=home,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _find_state(home: Path, state: Mapping[str, Any]) -> RunState:
    """Return the state of a run that has no record yet."""
    # The processes of another machine cannot be asked.
    if not is_here(state):
        return RunState.ELSEWHERE
    if not is_alive(state):
        return RunState.UNWATCHED if run_processes(home) else RunState.KILLED
    if (home / RECORDING).exists():
        return RunState.RECORDING
    return RunState.STOPPING if is_asked_to_stop(home) else RunState.RUNNING


def note_ended_run(home: Path, snapshot: Oid) -> None:
    """Note the snapshot of a run that ended, so that its id names the snapshot from now on.

    A disk that refuses it is no error.
    """
    with suppress(OSError):
        append(home.parent.parent / ENDED_RUNS, f"{home.name} {snapshot}\n".encode())


def read_ended_runs(ws: Workspace) -> dict[str, str]:
    """Return the snapshot of each run that ended in this clone, in the order of their ends."""
    try:
        text = (ws.shared_state / ENDED_RUNS).read_text("ascii", "replace")
    except OSError:
        return {}
    pairs = (line.partition(" ") for line in text.splitlines())
    return {run: snapshot for run, _, snapshot in pairs if _ID.match(run) and snapshot}


def choose_run(runs: Sequence[RunInProgress], name: str) -> RunInProgress | None:
    """Return the run in progress whose id begins with `name`, or None.

    Raises `DatmoError` for several.
    """
    found = [run for run in runs if _ID.match(name) and run.id.startswith(name)]
    if len(found) > 1:
        raise DatmoError(
            f"'{name}' is the start of the ids of {len(found)} runs", "give more of the id"
        )
    return found[0] if found else None


def snapshot_of_ended(ws: Workspace, name: str) -> str:
    """Return the snapshot of the ended run whose id begins with `name`; '' if there is none."""
    ended = read_ended_runs(ws)
    found = [run for run in ended if _ID.match(name) and run.startswith(name)]
    # Ids are random, so several may share a start. The run that ended last is meant.
    return ended[found[-1]] if found else ""


def newest_ended(ws: Workspace) -> str:
    """Return the snapshot of the run of this clone that ended last; '' if none has."""
    return next(reversed(read_ended_runs(ws).values()), "")


def exists(run: RunInProgress) -> bool:
    """Return True until the run is recorded."""
    return os.path.exists(run.home / BEGUN)
