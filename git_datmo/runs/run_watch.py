"""Watch a run: when it began, what its processes journalled, and which other runs were under way in
the tree.

Each run has a folder below `.git/datmo/runs`, with its journals and `run.json`. It stays as long as
another run that was under way at the same time: that run has to know which files were not its own.
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
    """A run under way; `began` is the newest change time that a file had before the command
    started."""

    folder: Path
    began: int
    root: bytes

    def observed(self) -> Observed:
        return read_journals(self.folder)

    def inside(self, path: bytes) -> bytes | None:
        """Return a journalled path relative to the working tree; None for one outside or in git's
        own folder."""
        if not path.startswith(self.root + b"/"):
            return None
        relative = path[len(self.root) + 1 :]
        return None if relative.split(b"/", 1)[0] == b".git" else relative


@dataclass(frozen=True, slots=True)
class Others:
    """What other runs in the same working tree did meanwhile.

    `unseen` says that one of them may have written files that its journals do not name.
    """

    written: frozenset[bytes]
    unseen: bool


@contextmanager
def watching(ws: Workspace, *, in_container: bool) -> Iterator[RunWatch]:
    """Begin to watch a run, until the block ends."""
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
    """Read what other runs in this working tree wrote while `watch` was under way."""
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
    """Return the change time of the last file that was changed before now.

    The file system's clock may stand still for some milliseconds. What is written from now on is
    newer.
    """
    began = fsio.file_time(folder)
    for _ in range(TICK_LIMIT):
        if fsio.file_time(folder) > began:
            break
    return began


def _write_state(folder: Path, state: dict[str, object]) -> None:
    path = folder / STATE
    with contextlib.suppress(OSError):
        fsio.write_file(path, json.dumps(state).encode())


def _read_state(folder: Path) -> dict[str, Any] | None:
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
    """Remove the folders of runs that ended before any run that is still under way began."""
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
    return bool(state["ended"] is None and _started(state["pid"]) == state["started"] != 0)


def _started(pid: int) -> int:
    """Return when a process started, in ticks since the machine did; 0 for one that is not
    there."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return int(fields[19])
    except (OSError, ValueError, IndexError):
        return 1 if is_running(pid) and not os.path.isdir("/proc/self") else 0
