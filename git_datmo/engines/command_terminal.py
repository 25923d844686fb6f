"""Open pseudo-terminals for those output streams of a command that the user's terminal shows.

The command stays in the user's session and reads the user's keyboard. So keys, job control and
signals work as usual. Only its output passes through a terminal of the same size, which changes no
byte.
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
    """Pseudo-terminals by stream: `theirs` are the command's ends, `ours` are read by git-datmo."""

    def __init__(self) -> None:
        self.ours: dict[Stream, int] = {}
        self.theirs: dict[Stream, int] = {}

    def open(self, screens: Sequence[Stream]) -> None:
        """Open a terminal for the streams.

        Both streams share it, so that the order of bytes is kept. Output processing is off, so that
        the terminal changes no line end.
        """
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
        """Set the terminals' size to that of the user's terminal."""
        # Any of the three streams may be redirected, so the first that is a terminal counts.
        size = next(filter(None, map(_size_of, (1, 2, 0))), None)
        for fd in self.ours.values():
            if size is not None:
                with contextlib.suppress(OSError):
                    fcntl.ioctl(fd, termios.TIOCSWINSZ, size)

    def started(self) -> None:
        """Close the command's ends in this process, after the command has inherited them."""
        # Both streams can have the same terminal, which is closed once.
        for fd in set(self.theirs.values()):
            os.close(fd)
        self.theirs = {}

    def close(self) -> None:
        """Close all ends."""
        self.started()
        for fd in self.ours.values():
            os.close(fd)
        self.ours = {}


def _size_of(fd: int) -> bytes | None:
    """Return a terminal's size as `ioctl` packs it; None if the descriptor is not a terminal."""
    try:
        return fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(_SIZE.size))
    except OSError:
        return None


@contextmanager
def opened(screens: Sequence[Stream]) -> Iterator[Ptys]:
    """Yield open terminals, and close them when the block ends."""
    ptys = Ptys()
    try:
        ptys.open(screens)
        yield ptys
    finally:
        ptys.close()


@contextmanager
def following_size(ptys: Ptys, send: Callable[[int], None]) -> Iterator[None]:
    """Apply each change of the user's terminal size to the terminals.

    After each change, `send` passes SIGWINCH to the command. Only the main thread can do so; in
    other threads nothing happens.
    """
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
