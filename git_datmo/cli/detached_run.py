"""Start a run that outlives its terminal, in a process of its own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from git_datmo.cli.console import Console
from git_datmo.permissions import open_file

MESSAGES = "detached.log"
"""Name of the file for the messages of detached runs, in the folder `.git/datmo`."""
MESSAGES_LIMIT = 1 << 20


@dataclass(slots=True)
class DetachedProcess:
    """The process that records a detached run. It still has the streams of the terminal.

    `report` is a pipe to the process that the user started.
    """

    console: Console
    report: int
    run: str = ""

    def begin(self, run: str, warnings: tuple[str, ...]) -> None:
        """Show the warnings so far, while the user sees them."""
        self.run = run
        for warning in warnings:
            self.console.warn(warning)

    def leave(self, state: Path) -> None:
        """Say that the command has started, and give up the terminal.

        Later messages go to a file in the folder `state`.
        """
        path = state / MESSAGES
        if path.exists() and path.stat().st_size > MESSAGES_LIMIT:
            path.unlink(missing_ok=True)
        messages = open_file(path, os.O_WRONLY | os.O_APPEND)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(messages, stream.fileno(), inheritable=False)
        os.close(messages)
        self.console.tell(f"run {self.run}:")
        os.write(self.report, self.run.encode())
        os.close(self.report)


def start_detached(console: Console, work: Callable[[DetachedProcess], int]) -> tuple[int, str]:
    """Call `work` in a new session without a terminal; return an exit code and the run's id.

    The new process returns, too, when `work` has returned: with its exit code, and without an id.
    The process that the user started returns as soon as the command has started. If it does not
    start, this process returns the exit code of the new one, and no id.
    """
    console.err.flush()
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        _enter_session(console)
        return work(DetachedProcess(console, theirs)), ""
    # While this process has the end open, `read` would not see that the other one closed it.
    os.close(theirs)
    try:
        # The pipe ends without an id if the new process ends before the command has started.
        run = os.read(ours, 64).decode()
    except KeyboardInterrupt:
        os.kill(child, signal.SIGINT)
        run = ""
    if run:
        return 0, run
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    # As in a shell, the code is 128 plus the number of the signal.
    return (code if code >= 0 else 128 - code), ""


def _enter_session(console: Console) -> None:
    """Become the leader of a session without a terminal.

    Children get no stream of the terminal, so that nothing waits for them. This process keeps
    copies of its own.
    """
    os.setsid()
    # A shell without job control starts background commands with interrupts ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdout, sys.stderr = _copy(sys.stdout), _copy(sys.stderr)
    console.out, console.err = sys.stdout, sys.stderr
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.close(null)


def _copy(stream: TextIO) -> TextIO:
    """Return a stream to the same file. Children do not inherit it."""
    return open(
        os.dup(stream.fileno()), "w", encoding=stream.encoding, errors=stream.errors, buffering=1
    )
