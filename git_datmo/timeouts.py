"""Timeouts for silent remotes and programs, and the signs of life that reset them.

The process has a single limit: `datmo.timeout` of the repository's configuration, in seconds.
"""

from __future__ import annotations

import io
import os
import select
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from git_datmo.errors import Silent
from git_datmo.process_endings import end_tree
from git_datmo.processes import Sample, sample

# Seconds. A silent remote is asked a second time, so that a command ends within a minute.
DEFAULT = 30
# Factor on the limit for a local program, which gets no second attempt.
LOCAL = 2
# Factor on the limit if the kernel does not report the activity of processes.
UNTOLD = 10
# Seconds of a wait before the user is told about it.
NOTICE = 3.0
# Seconds between two checks of a wait.
CHECK = 1.0
STEP = 1 << 16

_limit: float = DEFAULT
_askers: frozenset[str] = frozenset()


class Indicator(Protocol):
    """Display of a long wait.

    `waits` says that the process waits for a remote or program. `asks` says that a program asks the
    user on the terminal. `resumes` says that the wait is over.
    """

    def waits(self, who: str) -> None: ...
    def asks(self) -> None: ...
    def resumes(self) -> None: ...


_indicator: Indicator | None = None


def set_indicator(indicator: Indicator) -> None:
    """Show the long waits of the main thread on `indicator`."""
    global _indicator  # noqa: PLW0603  # one terminal for the process
    _indicator = indicator


def set_limit(
    seconds: float, environ: Mapping[str, str] | None = None, *, askpass: str = ""
) -> None:
    """Set the timeout of this process to `seconds`; 0 disables it.

    `environ` and `askpass` name the programs that ask the user for credentials. No timeout applies
    while they run.
    """
    global _limit, _askers  # noqa: PLW0603  # one limit for the process, so that no wait has to be told of it
    _limit = max(seconds, 0)
    named = [(environ or {}).get(name, "") for name in ("GIT_ASKPASS", "SSH_ASKPASS")]
    _askers = frozenset(os.path.basename(program) for program in (*named, askpass) if program)


def limit() -> float | None:
    """Return the timeout in seconds; None if it is disabled."""
    return _limit or None


class SilenceWatch:
    """Timeout for a remote, for the program `root` and its descendants, or for both.

    Programs show signs of life if they use the processor, move data, or ask the user. After too
    long a silence the watch ends the program `victim` and its descendants. `who` names the remote
    or program in errors.
    """

    def __init__(
        self,
        who: str,
        *,
        root: int | None = None,
        victim: int | None = None,
        is_remote: bool = True,
    ) -> None:
        self._who = who
        self._root = root
        self._victim = victim
        self._is_remote = is_remote
        self._seconds = _limit if is_remote else _limit * LOCAL
        self._excuse: Callable[[], bool] | None = None
        self._last: Sample | None = None
        self._begun = self._heard = self._looked = time.monotonic()

    def excuse(self, owes_nothing: Callable[[], bool]) -> None:
        """Reset the timeout at each check while `owes_nothing` returns True.

        A remote that owes no answer may be silent.
        """
        self._excuse = owes_nothing

    def begin(self) -> None:
        """Start the timeout now.

        Call it before each wait, since the time without a waiting caller does not count.
        """
        self._last = None
        self._begun = self._heard = self._looked = time.monotonic()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Start the timeout now, and end the display of the wait with the block."""
        self.begin()
        try:
            yield
        finally:
            if _indicator is not None:
                _indicator.resumes()

    @property
    def step(self) -> float:
        """Return the seconds until the next `check`."""
        return min(CHECK, self._seconds / 4) if self._seconds else CHECK

    def heard(self) -> None:
        """Reset the timeout."""
        self._heard = time.monotonic()

    def check(self) -> None:
        """Look for signs of life; raise `Silent` after too long a silence.

        The watch ends the program `victim` before it raises.
        """
        now = time.monotonic()
        seconds = self._seconds
        if self._root is not None:
            before, self._last = self._last, sample(self._root, _askers)
            if self._last is None:
                seconds *= UNTOLD
            elif before is not None and self._last.is_alive_since(before, now - self._looked):
                self._heard = now
        self._looked = now
        self._show(now)
        if self._excuse is not None and self._excuse():
            self._heard = now
        if seconds and now - self._heard >= seconds:
            if self._victim is not None:
                end_tree(self._victim)
            raise Silent(
                self._who, round(seconds) or 1, is_remote=self._is_remote, again=self._is_remote
            )

    def _show(self, now: float) -> None:
        """Show the wait on the indicator, if it is long."""
        if _indicator is None or threading.current_thread() is not threading.main_thread():
            return
        if self._last is not None and self._last.asks:
            _indicator.asks()
        elif now - self._begun >= NOTICE:
            _indicator.waits(self._who)

    def wait(self, descriptor: int, event: int) -> None:
        """Wait until a descriptor is ready for `event`; raise `Silent` after too long a silence."""
        poll = select.poll()
        poll.register(descriptor, event)
        # Mostly the descriptor is ready, and no signs of life have to be looked for.
        if poll.poll(0):
            return
        with self.waiting():
            while not poll.poll(self.step * 1000):
                self.check()

    def read(self, descriptor: int, size: int) -> bytes:
        """Read at most `size` bytes as soon as some are available; return b'' at the end."""
        self.wait(descriptor, select.POLLIN)
        return os.read(descriptor, size)

    def write(self, descriptor: int, data: bytes) -> None:
        """Write all of `data` to a descriptor.

        The descriptor becomes non-blocking. No other process may share it, because they would share
        this mode.
        """
        os.set_blocking(descriptor, False)
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(descriptor, view) :]
            except BlockingIOError:
                self.wait(descriptor, select.POLLOUT)


class PatientReader(io.FileIO):
    """Raw file behind a descriptor. Its reads raise `Silent` by a watch."""

    def __init__(self, descriptor: int, watch: SilenceWatch, *, closefd: bool = True) -> None:
        super().__init__(descriptor, "rb", closefd=closefd)
        self._watch = watch

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        """Read into `buffer` as soon as bytes are available; return their number."""
        self._watch.wait(self.fileno(), select.POLLIN)
        return os.readv(self.fileno(), [buffer])

    def read(self, size: int | None = -1) -> bytes:
        """Read at most `size` bytes, or to the end if `size` is negative or None."""
        if size is None or size < 0:
            return self.readall()
        return self._watch.read(self.fileno(), size)

    def readall(self) -> bytes:
        """Read to the end."""
        blocks = []
        while block := self._watch.read(self.fileno(), STEP):
            blocks.append(block)
        return b"".join(blocks)
