"""Wait for the end of processes, end them, and start children that end with this process."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from git_datmo.processes import descendants, running

# Seconds between the request to end a program and SIGKILL.
GRACE = 2.0


def await_end(pids: Sequence[int], seconds: float) -> None:
    """Wait until one of `pids` has ended, at most `seconds`.

    A system without `pidfd_open` always waits for `seconds`.
    """
    poll, opened = select.poll(), list[int]()
    try:
        for pid in pids:
            with suppress(AttributeError, OSError):
                opened.append(os.pidfd_open(pid))
                poll.register(opened[-1], select.POLLIN)
        poll.poll(seconds * 1000)
    finally:
        for descriptor in opened:
            os.close(descriptor)


def end_tree(root: int) -> None:
    """End a child of this process and all its descendants.

    They receive SIGTERM, and after at most `GRACE` seconds SIGKILL.
    """
    # Without `/proc`, only the root is known.
    tree = [process.pid for process in descendants(root, running())] or [root]
    _signal(tree, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and _is_running(root):
        time.sleep(0.02)
    _signal(tree, signal.SIGKILL)


def end_children() -> None:
    """End all children of this process, and their descendants."""
    for process in running().values():
        if process.parent == os.getpid() and process.state != b"Z":
            end_tree(process.pid)


@contextmanager
def tied_child(
    argv: Sequence[str], folder: Path, environ: Mapping[str, str], *, is_read: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """Start a command, which gets SIGTERM when this process is gone, even if it was killed.

    With `is_read`, the caller reads its output and errors, and it has no input. Elsewhere than on
    Linux, a killed process leaves the command.
    """
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            child = subprocess.Popen(
                argv,
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL if is_read else None,
                stdout=subprocess.PIPE if is_read else None,
                stderr=subprocess.STDOUT if is_read else None,
                text=True,
                errors="replace",
                pass_fds=(theirs.fileno(),),
            )
            _signal_at_close(theirs, child.pid)
        yield child


def _signal_at_close(line: socket.socket, pid: int) -> None:
    """Have the kernel send SIGTERM to a process when the other end of `line` is closed.

    The process must hold `line`, too.
    """
    if hasattr(fcntl, "F_SETSIG"):
        # A process that has already ended gets none.
        with suppress(OSError):
            fcntl.fcntl(line, fcntl.F_SETSIG, signal.SIGTERM)
            fcntl.fcntl(line, fcntl.F_SETOWN, pid)
            fcntl.fcntl(line, fcntl.F_SETFL, fcntl.fcntl(line, fcntl.F_GETFL) | os.O_ASYNC)


def _signal(pids: Iterable[int], number: int) -> None:
    """Send a signal to processes; ignore those that have ended or belong to another user."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _is_running(pid: int) -> bool:
    """Return False for an ended process, even if its parent has not read its status."""
    processes = running()
    return pid in processes and processes[pid].state != b"Z"
