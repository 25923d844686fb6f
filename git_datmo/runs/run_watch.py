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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from git_datmo import fsio
from git_datmo.engines.engine_contract import CONTAINER_ROOT
from git_datmo.engines.run_journal import Observed, prepare_journal, read_journals
from git_datmo.locking import is_running
from git_datmo.repository.workspace import Workspace

STATE = "run.json"
TICK_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class RunWatch:
    """A run in progress. `root` is the top of the working tree as its command sees it.

    `began` is the newest change time, in nanoseconds, that a file had before the command started.
    """

    folder: Path
    began: int
    root: bytes

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
    base = ws.shared_state / "runs"
    folder = base / uuid.uuid4().hex[:12]
    prepare_journal(folder)
    began = last_change(folder)
    state = {
        "tree": str(ws.root),
        "pid": os.getpid(),
        "started": _started(os.getpid()),
        "began": began,
        "ended": None,
    }
    _write_state(folder, state)
    root = CONTAINER_ROOT if in_container else os.path.realpath(ws.root)
    try:
        yield RunWatch(folder, began, os.fsencode(root))
    finally:
        _write_state(folder, {**state, "ended": fsio.file_time(folder)})
        _clear(base)


def other_runs(ws: Workspace, watch: RunWatch) -> Others:
    """Return the files that other runs in this working tree wrote while `watch` was in progress."""
    written, unseen = set[bytes](), False
    for folder in (ws.shared_state / "runs").iterdir():
        state = _read_state(folder)
        if folder == watch.folder or state is None or state.get("tree") != str(ws.root):
            continue
        ended = state["ended"]
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
    return (
        state
        if isinstance(state, dict) and {"pid", "started", "began", "ended"} <= state.keys()
        else None
    )


def _clear(base: Path) -> None:
    """Remove the folders of runs that ended before each run still in progress began.

    The folder of a killed run has no end time. It is removed once no run is in progress.
    """
    states = {folder: _read_state(folder) for folder in base.iterdir()}
    alive = [state for state in states.values() if state is not None and _is_alive(state)]
    for folder, state in states.items():
        if state is None or state in alive:
            continue
        ended = state["ended"]
        over = all(other["began"] > ended for other in alive) if ended is not None else not alive
        if over:
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(state: dict[str, Any]) -> bool:
    """Return True if the process of the run, identified by its start time, still runs."""
    return bool(state["ended"] is None and _started(state["pid"]) == state["started"] != 0)


def _started(pid: int) -> int:
    """Return a process's start time, in ticks since boot (proc, `stat`); 0 if it does not run.

    Returns 1 for a running process on a system without `/proc`.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return int(fields[19])
    except (OSError, ValueError, IndexError):
        return 1 if is_running(pid) and not os.path.isdir("/proc/self") else 0
