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
import socket
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from git_datmo import fsio
from git_datmo.engines.engine_contract import CONTAINER_ROOT
from git_datmo.engines.run_journal import CALLS, JOURNALS, Observed, prepare_journal, read_journals
from git_datmo.locking import is_running
from git_datmo.repository.workspace import Workspace

STATE = "run.json"
BEGUN, LOG, ARTIFACTS = "begun.json", "log", "artifacts"
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


@contextmanager
def watching(ws: Workspace, *, in_container: bool) -> Iterator[RunWatch]:
    """Create a run's folder, and watch the run until the block ends."""
    watch = begin_watch(ws, os.getpid(), in_container=in_container)
    try:
        yield watch
    finally:
        end_watch(watch.folder)


def begin_watch(ws: Workspace, pid: int, *, in_container: bool = False) -> RunWatch:
    """Create the folder of a run that lasts as long as the process `pid`, or until it is ended."""
    folder = ws.shared_state / "runs" / uuid.uuid4().hex[:12]
    prepare_journal(folder)
    began = last_change(folder)
    state = {
        "tree": str(ws.root),
        "host": socket.gethostname(),
        "pid": pid,
        "started": _started(pid),
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
    state = _read_state(folder)
    if state is None or state["ended"] is not None:
        return None
    return _watch(ws, folder, state, in_container=in_container)


def end_watch(folder: Path) -> None:
    """Note the end of a run. What is left in its folder is for the runs that overlapped it."""
    state = _read_state(folder)
    if state is not None:
        _write_state(folder, {**state, "ended": fsio.file_time(folder)})
    for name in (BEGUN, LOG):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / ARTIFACTS, ignore_errors=True)
    _clear(folder.parent)


def killed_runs(ws: Workspace) -> list[Path]:
    """Return the folders of runs in this working tree that ended without being recorded."""
    base = ws.shared_state / "runs"
    found = []
    for folder in sorted(base.iterdir()) if base.is_dir() else []:
        if not (folder / BEGUN).exists():
            continue
        state = _read_state(folder)
        is_ours = state is not None and state.get("tree") == str(ws.root)
        if state is not None and is_ours and _is_killed(state) and not _has_processes(folder):
            found.append(folder)
    return found


def _has_processes(folder: Path) -> bool:
    """Return True if a process still writes into a run's folder, though git-datmo was killed.

    A process is known by its environment, since the system may give its id to another one.
    """
    names = [path.name for part in (CALLS, JOURNALS) for path in (folder / part).glob("*")]
    for pid in {name.partition(".")[0] for name in names}:
        with contextlib.suppress(OSError):
            if os.fsencode(folder) in Path(f"/proc/{pid}/environ").read_bytes():
                return True
    return False


def _is_killed(state: Mapping[str, Any]) -> bool:
    """Return True if the process of a run is gone. Another machine's processes are not known."""
    here = state.get("host", "") in ("", socket.gethostname())
    return state["ended"] is None and here and not _is_alive(state)


def last_sign(folder: Path) -> float:
    """Return the time at which a run last wrote into its folder, in seconds since 1970."""
    paths = (folder / LOG, *(folder / CALLS).glob("*"), *(folder / JOURNALS).glob("*"))
    return max((path.stat().st_mtime for path in paths if path.exists()), default=0.0)


def other_runs(ws: Workspace, watch: RunWatch) -> Others:
    """Return the files that other runs in this working tree wrote while `watch` was in progress."""
    written, unseen = set[bytes](), False
    for folder in (ws.shared_state / "runs").iterdir():
        state = _read_state(folder)
        if folder == watch.folder or state is None or state.get("tree") != str(ws.root):
            continue
        ended = state["ended"]
        # A run that ended before this one began wrote nothing meanwhile.
        if ended is not None and ended <= watch.began:
            continue
        observed = read_journals(folder)
        unseen = unseen or not observed.is_complete(state["pid"])
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


def _read_state(folder: Path) -> dict[str, Any] | None:
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
    states = {folder: _read_state(folder) for folder in base.iterdir()}
    alive = [state for state in states.values() if state is not None and _is_alive(state)]
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


def _is_alive(state: Mapping[str, Any]) -> bool:
    """Return True if the process of the run, identified by its start time, still runs."""
    return bool(state["ended"] is None and _started(state["pid"]) == state["started"] != 0)


def _started(pid: int) -> int:
    """Return a process's start time, in ticks since boot (proc, `stat`); 0 if it does not run.

    Returns 1 for a running process on a system without `/proc`.
    """
    # A process id alone may belong to a new process by now. Ids and start times together do not
    # repeat. The name of the program, in parentheses, may contain blanks.
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return int(fields[19])
    except (OSError, ValueError, IndexError):
        return 1 if is_running(pid) and not os.path.isdir("/proc/self") else 0
