"""Ends waits: how long others may be silent before a command gives up, and what counts as a sign of
life.

One limit holds for the whole process. It is `datmo.timeout` of the repository's configuration, in
seconds.
"""

from __future__ import annotations

import io
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from git_datmo.errors import Silent
from git_datmo.processes import Sample, descendants, running, sample

# A remote is asked twice, so that a command ends within a minute of silence.
DEFAULT = 30
# A local program that does nothing at all has no second try.
LOCAL = 2
# How much longer a program may say nothing where the kernel does not tell what it does meanwhile.
UNTOLD = 10
# How long a program has to end after it was asked to.
GRACE = 2.0
STEP = 1 << 16

_limit: float = DEFAULT
_askers: frozenset[str] = frozenset()


def set_limit(
    seconds: float, environ: Mapping[str, str] | None = None, *, askpass: str = ""
) -> None:
    """Let others be silent for `seconds` from now on, or for ever where that is 0.

    `environ` and `askpass` name the programs that ask a person for credentials, which may take as
    long as they want.
    """
    global _limit, _askers  # noqa: PLW0603  # one limit for the process, so that no wait has to be told of it
    _limit = max(seconds, 0)
    named = [(environ or {}).get(name, "") for name in ("GIT_ASKPASS", "SSH_ASKPASS")]
    _askers = frozenset(os.path.basename(program) for program in (*named, askpass) if program)


def limit() -> float | None:
    """Return for how many seconds others may be silent; None for ever."""
    return _limit or None


class SilenceWatch:
    """Counts the silence of another side: of a remote, of the program `root` and all that it
    started, or of both.

    It is a sign of life that the programs work, move data, or ask a person something. Where the
    silence is too long, the program `victim` is ended, with all that it started.
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
        self._heard = self._looked = time.monotonic()

    def excuse(self, owes_nothing: Callable[[], bool]) -> None:
        """Let the other side be silent while it owes no answer."""
        self._excuse = owes_nothing

    def begin(self) -> None:
        """Count from now: before, nobody waited."""
        self._last = None
        self._heard = self._looked = time.monotonic()

    @property
    def step(self) -> float | None:
        """Return the seconds after which to `check` again; None for never."""
        return min(1.0, self._seconds / 4) if self._seconds else None

    def heard(self) -> None:
        """Note a sign of life."""
        self._heard = time.monotonic()

    def check(self) -> None:
        """Look for signs of life; raise `Silent` where there were none for too long."""
        now = time.monotonic()
        seconds = self._seconds
        if self._root is not None:
            before, self._last = self._last, sample(self._root, _askers)
            if self._last is None:
                seconds *= UNTOLD
            elif before is not None and self._last.is_alive_since(before, now - self._looked):
                self._heard = now
        self._looked = now
        if self._excuse is not None and self._excuse():
            self._heard = now
        if seconds and now - self._heard >= seconds:
            if self._victim is not None:
                end_tree(self._victim)
            raise Silent(
                self._who, round(seconds) or 1, is_remote=self._is_remote, again=self._is_remote
            )

    def wait(self, descriptor: int, event: int) -> None:
        """Return when a descriptor is ready; raise `Silent` where it is not for too long."""
        poll = select.poll()
        poll.register(descriptor, event)
        if poll.poll(0):
            return
        step = self.step
        self.begin()
        while not poll.poll(None if step is None else step * 1000):
            self.check()

    def read(self, descriptor: int, size: int) -> bytes:
        """Read at most `size` bytes, as soon as there are some."""
        self.wait(descriptor, select.POLLIN)
        return os.read(descriptor, size)

    def write(self, descriptor: int, data: bytes) -> None:
        """Write all of `data` to a descriptor that is ours alone."""
        os.set_blocking(descriptor, False)
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(descriptor, view) :]
            except BlockingIOError:
                self.wait(descriptor, select.POLLOUT)


class PatientReader(io.FileIO):
    """The raw file behind a descriptor, whose reads end by a watch."""

    def __init__(self, descriptor: int, watch: SilenceWatch, *, closefd: bool = True) -> None:
        super().__init__(descriptor, "rb", closefd=closefd)
        self._watch = watch

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        self._watch.wait(self.fileno(), select.POLLIN)
        return os.readv(self.fileno(), [buffer])

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            return self.readall()
        return self._watch.read(self.fileno(), size)

    def readall(self) -> bytes:
        blocks = []
        while block := self._watch.read(self.fileno(), STEP):
            blocks.append(block)
        return b"".join(blocks)


class Child(subprocess.Popen[bytes]):
    """A program whose output ends, and which is waited for, by a watch."""

    def __init__(
        self, argv: Sequence[str | bytes], *, who: str, is_remote: bool = False, **options: Any
    ) -> None:
        super().__init__(argv, **options)
        self.watch = SilenceWatch(who, root=self.pid, victim=self.pid, is_remote=is_remote)
        self.stdout = self._patient(self.stdout)
        self.stderr = self._patient(self.stderr)

    def _patient(self, pipe: IO[bytes] | None) -> IO[bytes] | None:
        if pipe is None:
            return None
        descriptor = os.dup(pipe.fileno())
        pipe.close()
        return io.BufferedReader(PatientReader(descriptor, self.watch))  # type: ignore[type-var]

    def wait(self, timeout: float | None = None) -> int:
        self.watch.begin()
        while True:
            step = self.watch.step if timeout is None else timeout
            try:
                return super().wait(_until_ended(self.pid, step) if self.returncode is None else 0)
            except subprocess.TimeoutExpired:
                if timeout is not None:
                    raise
                self.watch.check()

    def finish(self, stdin: bytes) -> tuple[bytes, bytes]:
        """Give the program its input; return what it printed and what it complained of, once it has
        ended."""
        self.watch.begin()
        asked: bytes | None = stdin
        seen = -1
        while True:
            try:
                return self.communicate(asked, timeout=self.watch.step)
            except subprocess.TimeoutExpired as waiting:
                asked, before, seen = None, seen, len(waiting.output or b"")
                if seen != before:
                    self.watch.heard()
                self.watch.check()

    def end(self) -> None:
        """End the program, whatever it does."""
        self.terminate()
        try:
            self.wait(timeout=GRACE)
        except subprocess.TimeoutExpired:
            end_tree(self.pid)
            self.wait(timeout=GRACE)


def _until_ended(pid: int, seconds: float | None) -> float | None:
    """Return once a child has ended, or after `seconds`; return the seconds that are left to wait
    in another way."""
    try:
        ended = os.pidfd_open(pid)
    except (AttributeError, OSError):
        return seconds
    try:
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        poll.poll(None if seconds is None else seconds * 1000)
    finally:
        os.close(ended)
    return 0


def end_tree(root: int) -> None:
    """End a program that this process started, and all that it started itself."""
    tree = [process.pid for process in descendants(root, running())] or [root]
    _signal(tree, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and _is_running(root):
        time.sleep(0.02)
    _signal(tree, signal.SIGKILL)


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _is_running(pid: int) -> bool:
    """Return False for a program that has ended, even where nobody has asked for its status yet."""
    processes = running()
    return pid in processes and processes[pid].state != b"Z"


def reap(pid: int, watch: SilenceWatch) -> int:
    """Return the exit status of a child, as `subprocess` has it, once it has ended by itself or by
    the watch."""
    watch.begin()
    step = watch.step
    deadline = None if step is None else time.monotonic() + step
    pause = 0.0005
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if deadline is not None and step is not None and time.monotonic() > deadline:
            deadline = time.monotonic() + step
            with suppress(Silent):
                watch.check()
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
