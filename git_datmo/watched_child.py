"""Start programs, and watch their output and their end for silence."""

from __future__ import annotations

import io
import os
import select
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any

from git_datmo.errors import Silent
from git_datmo.process_endings import GRACE, end_tree
from git_datmo.timeouts import PatientReader, SilenceWatch


class Child(subprocess.Popen[bytes]):
    """Program with a watch on its output and on its end.

    `who` names it in errors. `is_remote` says that its silence is the silence of a remote.
    """

    def __init__(
        self, argv: Sequence[str | bytes], *, who: str, is_remote: bool = False, **options: Any
    ) -> None:
        super().__init__(argv, **options)
        self.watch = SilenceWatch(who, root=self.pid, victim=self.pid, is_remote=is_remote)
        self.stdout = self._patient(self.stdout)
        self.stderr = self._patient(self.stderr)

    def _patient(self, pipe: IO[bytes] | None) -> IO[bytes] | None:
        """Return a reader with the watch in place of a pipe."""
        if pipe is None:
            return None
        descriptor = os.dup(pipe.fileno())
        pipe.close()
        return io.BufferedReader(PatientReader(descriptor, self.watch))  # type: ignore[type-var]

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status once the program has ended.

        With a `timeout` in seconds, raises `TimeoutExpired` as `Popen` does, and the watch does not
        apply.
        """
        if self.returncode is not None:
            return super().wait(0)
        with self.watch.waiting():
            while True:
                step = self.watch.step if timeout is None else timeout
                try:
                    return super().wait(_until_ended(self.pid, step))
                except subprocess.TimeoutExpired:
                    if timeout is not None:
                        raise
                    self.watch.check()

    def finish(self, stdin: bytes) -> tuple[bytes, bytes]:
        """Write the program's input; return its output and errors once it has ended."""
        asked: bytes | None = stdin
        seen = -1
        with self.watch.waiting():
            while True:
                try:
                    return self.communicate(asked, timeout=self.watch.step)
                except subprocess.TimeoutExpired as waiting:
                    # `communicate` keeps the rest of the input, and refuses to be given it again.
                    asked, before, seen = None, seen, len(waiting.output or b"")
                    # More output is a sign of life.
                    if seen != before:
                        self.watch.heard()
                    self.watch.check()

    def end(self) -> None:
        """End the program: SIGTERM, then after `GRACE` seconds `end_tree`."""
        self.terminate()
        try:
            self.wait(timeout=GRACE)
        except subprocess.TimeoutExpired:
            end_tree(self.pid)
            self.wait(timeout=GRACE)


def _until_ended(pid: int, seconds: float) -> float:
    """Wait until a child has ended, or for `seconds`; return the seconds left to wait.

    Systems without `pidfd_open` return at once, and the caller waits in another way.
    """
    try:
        # This wakes up at once, while `Popen.wait` looks again after growing pauses
        # (pidfd_open(2)).
        ended = os.pidfd_open(pid)
    except (AttributeError, OSError):
        return seconds
    try:
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        poll.poll(seconds * 1000)
    finally:
        os.close(ended)
    return 0


def reap(pid: int, watch: SilenceWatch) -> int:
    """Return the exit status of a child once it has ended, in the form of `subprocess`.

    After too long a silence the watch ends the child.
    """
    deadline = time.monotonic() + watch.step
    pause = 0.0005
    with watch.waiting():
        while True:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > deadline:
                deadline = time.monotonic() + watch.step
                # By then, the watch has ended the child, whose status must still be read.
                with suppress(Silent):
                    watch.check()
            time.sleep(pause)
            pause = min(2 * pause, 0.05)
