"""Terminals of a command's own for those of its streams that our terminal shows.

The command stays in our session and has our keyboard, so keys, job control and signals reach it as
ever. Only what it writes goes through a terminal of its own, which tells it the size of ours, and
leaves every byte as it is.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
import termios
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from git_datmo.engines.engine_contract import Stream

_OUTPUT = 1
_SIZE = struct.Struct("HHHH")


class Ptys:
    """The open ends of the terminals: `theirs` are the command's, `ours` what is read from, by the
    stream."""

    def __init__(self) -> None:
        self.ours: dict[Stream, int] = {}
        self.theirs: dict[Stream, int] = {}

    def open(self, screens: Sequence[Stream]) -> None:
        """Open a terminal for the streams; both share one, so that their order is what a person
        would see."""
        if not screens:
            return
        first = screens[0]
        ours, theirs = os.openpty()
        self.ours[first] = ours
        self.theirs = dict.fromkeys(screens, theirs)
        settings = termios.tcgetattr(theirs)
        settings[_OUTPUT] &= ~termios.OPOST
        termios.tcsetattr(theirs, termios.TCSANOW, settings)
        self.resize()

    def resize(self) -> None:
        """Give the terminals the size of ours."""
        size = next(filter(None, map(_size_of, (1, 2, 0))), None)
        for fd in self.ours.values():
            if size is not None:
                with contextlib.suppress(OSError):
                    fcntl.ioctl(fd, termios.TIOCSWINSZ, size)

    def started(self) -> None:
        """Close the command's ends, which it has by now."""
        for fd in set(self.theirs.values()):
            os.close(fd)
        self.theirs = {}

    def close(self) -> None:
        self.started()
        for fd in self.ours.values():
            os.close(fd)
        self.ours = {}


def _size_of(fd: int) -> bytes | None:
    try:
        return fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(_SIZE.size))
    except OSError:
        return None


@contextmanager
def opened(screens: Sequence[Stream]) -> Iterator[Ptys]:
    """Open terminals until the block ends."""
    ptys = Ptys()
    try:
        ptys.open(screens)
        yield ptys
    finally:
        ptys.close()


@contextmanager
def following_size(ptys: Ptys, send: Callable[[int], None]) -> Iterator[None]:
    """Pass on each change of our terminal's size, and tell the command of it afterwards by
    `send`."""
    if not ptys.ours or threading.current_thread() is not threading.main_thread():
        yield
        return

    def changed(number: int, _frame: FrameType | None) -> None:
        ptys.resize()
        send(number)

    before = signal.signal(signal.SIGWINCH, changed)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
