"""Find out which processes of a run still exist.

A process is known by its id, its start time and the boot of its machine. So neither a killed
process nor a reboot leaves a run that seems to be in progress.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from git_datmo.engines.run_journal import RUN
from git_datmo.locking import is_running

PROC = Path("/proc")
# States of a process that has ended and that its parent has not read (zombie, dead).
_ENDED = (b"Z", b"X")


def identify(pid: int) -> dict[str, str | int]:
    """Return the keys by which `is_alive` knows the process `pid` again."""
    return {
        "host": socket.gethostname(),
        "boot": boot_id(),
        "pid": pid,
        "started": start_time(pid),
    }


@cache
def boot_id() -> str:
    """Return the id of the machine's boot; '' on a system that has none."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def start_time(pid: int) -> int:
    """Return a process's start time, in ticks since boot (proc, `stat`); 0 if it does not run.

    Returns 1 for a running process on a system without `/proc`.
    """
    # A process id alone may belong to a new process by now. Ids and start times together do not
    # repeat. The name of the program, in parentheses, may contain blanks.
    try:
        fields = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        # The first field after the name is the third of the line, so this is the 22nd, `starttime`.
        return 0 if fields[0] in _ENDED else int(fields[19])
    except (OSError, ValueError, IndexError):
        return 1 if is_running(pid) and not (PROC / "self").is_dir() else 0


def is_here(state: Mapping[str, Any]) -> bool:
    """Return True if the processes of a run are those of this machine."""
    return state.get("host", "") in ("", socket.gethostname())


def is_alive(state: Mapping[str, Any]) -> bool:
    """Return True if the run has not ended, and the process that watches it still runs."""
    same_boot = state.get("boot", "") == boot_id()
    return bool(
        # A start time of 0 means that the process was gone before it was identified.
        state["ended"] is None and same_boot and start_time(state["pid"]) == state["started"] != 0
    )


def run_processes(folder: Path) -> list[int]:
    """Return the processes of a run's command, in containers of this machine too.

    They are known by their environment, since the system may give an id to another process. The
    environment of another user's process cannot be read.
    """
    wanted = os.fsencode(f"{RUN}={folder.name}")
    found = []
    for path in PROC.glob("[0-9]*/environ"):
        with suppress(OSError):
            pid = int(path.parent.name)
            if wanted in path.read_bytes().split(b"\0") and start_time(pid):
                found.append(pid)
    return found
