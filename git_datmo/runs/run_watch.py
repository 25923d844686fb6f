"""Watch a run: its start time, its journals, and other runs in the same working tree.

Each run has a folder below `.git/datmo/runs` with its journals and `run.json`. The folder is kept
until no run is left that overlapped it. A run reads the journals of overlapping runs, to exclude
files that are not its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from git_datmo import fsio
from git_datmo.engines.engine_contract import CONTAINER_ROOT
from git_datmo.engines.run_journal import (
    CALLS,
    JOURNALS,
    STOP,
    Observed,
    prepare_journal,
    read_journals,
)
from git_datmo.permissions import open_file
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.run_liveness import identify, is_alive, is_here, run_processes

STATE = "run.json"
BEGUN, LOG, ARTIFACTS = "begun.json", "log", "artifacts"
RECORDING = "recording"
"""Name of a file that exists from the end of the command until the run is recorded."""
TICK_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class RunWatch:
    """A run in progress. `root` is the top of the working tree as its command sees it.

    `began` is the newest change time, in nanoseconds, that a file had before the command started.
    `starter` is the parent of the command's first process.
    """

    folder: Path
    began: int
    root: bytes
    starter: int

    def observed(self) -> Observed:
        """Return the events that the run's processes have journalled so far."""
        return read_journals(self.folder)

    def inside(self, path: bytes) -> bytes | None:
        """Return a path relative to the working tree; None if it is outside or in `.git`."""
        if not path.startswith(self.root + b"/"):
            return None
        relative = path[len(self.root) + 1 :]
        return None if relative.split(b"/", 1)[0] == b".git" else relative


@dataclass(frozen=True, slots=True)
class Others:
    """The files that other runs in the same working tree wrote meanwhile.

    `unseen` says that another run may have written files that its journals do not name.
    """

    written: frozenset[bytes]
    unseen: bool


def runs_folder(ws: Workspace) -> Path:
    """Return the folder with the folders of all runs of the clone."""
    return ws.shared_state / "runs"


@contextmanager
def watching(ws: Workspace, *, in_container: bool, detached: bool = False) -> Iterator[RunWatch]:
    """Create a run's folder, and watch the run until the block ends."""
    watch = begin_watch(ws, os.getpid(), in_container=in_container, detached=detached)
    try:
        yield watch
    finally:
        end_watch(watch.folder)


def begin_watch(
    ws: Workspace, pid: int, *, in_container: bool = False, detached: bool = False
) -> RunWatch:
    """Create the folder of a run that lasts as long as the process `pid`, or until it is ended."""
    folder = runs_folder(ws) / uuid.uuid4().hex[:12]
    prepare_journal(folder)
    began = last_change(folder)
    state: dict[str, object] = {
        "tree": str(ws.root),
        **identify(pid),
        "detached": detached,
        "began": began,
        "ended": None,
    }
    _write_state(folder, state)
    return _watch(ws, folder, state, in_container=in_container)


def _watch(
    ws: Workspace, folder: Path, state: Mapping[str, Any], *, in_container: bool
) -> RunWatch:
    """Return the run whose folder has the state `state`."""
    root = CONTAINER_ROOT if in_container else os.path.realpath(ws.root)
    return RunWatch(folder, state["began"], os.fsencode(root), state["pid"])


def find_watch(ws: Workspace, folder: Path, *, in_container: bool) -> RunWatch | None:
    """Return the run in progress in `folder`; None if there is none."""
    state = read_state(folder)
    if state is None or state["ended"] is not None:
        return None
    return _watch(ws, folder, state, in_container=in_container)


def end_watch(folder: Path) -> None:
    """Note the end of a run. What is left in its folder is for the runs that overlapped it."""
    state = read_state(folder)
    if state is not None:
        # `ended` is compared with change times of files, so it needs the clock of the file system.
        _write_state(folder, {**state, "ended": fsio.file_time(folder)})
    # The state is written before these are removed, so a run that dies in between is no killed run.
    for name in (BEGUN, LOG, RECORDING, STOP):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / ARTIFACTS, ignore_errors=True)
    _clear(folder.parent)


def killed_runs(ws: Workspace) -> list[Path]:
    """Return the folders of runs in this working tree that ended without being recorded."""
    base = runs_folder(ws)
    found = []
    for folder in sorted(base.iterdir()) if base.is_dir() else []:
        if not (folder / BEGUN).exists():
            continue
        state = read_state(folder)
        is_ours = state is not None and state.get("tree") == str(ws.root)
        if state is not None and is_ours and _is_killed(state) and not run_processes(folder):
            found.append(folder)
    return found


def _is_killed(state: Mapping[str, Any]) -> bool:
    """Return True if the process of a run is gone. Another machine's processes are not known."""
    return state["ended"] is None and is_here(state) and not is_alive(state)


def last_sign(folder: Path) -> float:
    """Return the time at which a run last wrote into its folder, in seconds since 1970."""
    paths = (folder / LOG, *(folder / CALLS).glob("*"), *(folder / JOURNALS).glob("*"))
    return max((path.stat().st_mtime for path in paths if path.exists()), default=0.0)


def other_runs(ws: Workspace, watch: RunWatch) -> Others:
    """Return the files that other runs in this working tree wrote while `watch` was in progress."""
    written, unseen = set[bytes](), False
    for folder in runs_folder(ws).iterdir():
        state = read_state(folder)
        if folder == watch.folder or state is None or state.get("tree") != str(ws.root):
            continue
        ended = state["ended"]
        # A run that ended before this one began wrote nothing meanwhile.
        if ended is not None and ended <= watch.began:
            continue
        observed = read_journals(folder)
        unseen = unseen or not observed.is_complete(state["pid"])
        # The other run may have been in a container, where the working tree has another path.
        for root in (os.fsencode(os.path.realpath(ws.root)), os.fsencode(CONTAINER_ROOT)):
            written |= {
                path[len(root) + 1 :] for path in observed.written if path.startswith(root + b"/")
            }
    return Others(frozenset(written), unseen)


def last_change(folder: Path) -> int:
    """Return the file system's time in nanoseconds, and wait until its clock has moved on.

    The clock may stand still for some milliseconds. After the wait, every change gets a newer time.
    """
    began = fsio.file_time(folder)
    for _ in range(TICK_LIMIT):
        if fsio.file_time(folder) > began:
            break
    return began


def _write_state(folder: Path, state: dict[str, object]) -> None:
    """Write `run.json`; a disk that refuses it is no error."""
    path = folder / STATE
    with contextlib.suppress(OSError):
        fsio.write_file(path, json.dumps(state).encode())


def note_recording(folder: Path) -> None:
    """Note that a run's command has ended; a disk that refuses it is no error."""
    with contextlib.suppress(OSError):
        os.close(open_file(folder / RECORDING, os.O_WRONLY))


def read_state(folder: Path) -> dict[str, Any] | None:
    """Return the content of `run.json`; None if it is missing or damaged."""
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    is_whole = isinstance(state, dict) and {"pid", "started", "began", "ended"} <= state.keys()
    return state if is_whole else None


def _clear(base: Path) -> None:
    """Remove the folders of runs that ended before each run still in progress began.

    The folder of a killed run has no end time. It is kept until the run is recorded, or its working
    tree is gone.
    """
    states = {folder: read_state(folder) for folder in base.iterdir()}
    alive = [state for state in states.values() if state is not None and is_alive(state)]
    for folder, state in states.items():
        if state is None or state in alive:
            continue
        ended = state["ended"]
        if ended is None:
            waits = (folder / BEGUN).exists() and os.path.isdir(state.get("tree", ""))
            over = not alive and _is_killed(state) and not waits
        else:
            over = all(other["began"] > ended for other in alive)
        if over:
            shutil.rmtree(folder, ignore_errors=True)
