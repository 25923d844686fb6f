"""Connect the user's terminal to a container: input, output and size."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Protocol

from git_datmo.engines.engine_contract import Size

IN, OUT, ERR = 0, 1, 2
READ = 1 << 16
# As `ioctl` packs a terminal's size: rows, columns, and both in pixels.
SIZE = struct.Struct("HHHH")


class Line(Protocol):
    """The socket of an attached container.

    `recv` returns no bytes after the container has closed the socket.
    """

    def fileno(self) -> int: ...
    def recv(self, size: int, /) -> bytes: ...
    def sendall(self, data: bytes, /) -> None: ...


def converse(line: Line, size: Size, resize: Callable[[int, int], None]) -> None:
    """Copy bytes between the user's terminal and `line` until the container closes it.

    `resize` is called with each new size of the terminal.
    """
    with _changed(tty.setraw), _following(size, resize):
        _copy(line, _write)


def show(line: Line, resize: Callable[[int, int], None], output: Callable[[bytes], None]) -> None:
    """Pass what the container writes to `output`, and what the user types to the container.

    Keys are passed on as they are typed, and the container echoes them. Those that send signals
    send them to this process.
    """

    def size() -> tuple[int, int]:
        rows, columns, *_ = SIZE.unpack(fcntl.ioctl(OUT, termios.TIOCGWINSZ, bytes(SIZE.size)))
        return rows, columns

    with _changed(tty.setcbreak), _following(size, resize):
        _copy(line, output)


def can_show() -> bool:
    """Return True if this process is in the foreground of the terminal on all its streams."""
    try:
        return all(os.tcgetpgrp(fd) == os.getpgrp() for fd in (IN, OUT, ERR))
    except OSError:
        return False


def _copy(line: Line, output: Callable[[bytes], None]) -> None:
    """Copy bytes both ways until the container closes the line."""
    sources = [IN, line.fileno()]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if line.fileno() in ready:
            shown = line.recv(READ)
            if not shown:
                return
            output(shown)
        if IN in ready:
            typed = os.read(IN, READ)
            if typed:
                line.sendall(typed)
            else:
                # The end of the input must not end the output.
                sources.remove(IN)


def _write(data: bytes) -> None:
    """Write all bytes to standard output."""
    while data:
        data = data[os.write(OUT, data) :]


@contextlib.contextmanager
def _changed(change: Callable[[int, int], object]) -> Iterator[None]:
    """Set the terminal to another mode by `change`, until the block ends."""
    before = termios.tcgetattr(IN)
    change(IN, termios.TCSADRAIN)  # what was typed meanwhile is for the container
    try:
        yield
    finally:
        termios.tcsetattr(IN, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _following(size: Size, resize: Callable[[int, int], None]) -> Iterator[None]:
    """Call `resize` now and at each change of the terminal's size, until the block ends."""

    def tell() -> None:
        with contextlib.suppress(OSError):
            resize(*size())

    def changed(_number: int, _frame: FrameType | None) -> None:
        # Use a thread, since the signal may interrupt another request to the engine.
        threading.Thread(target=tell, daemon=True).start()

    tell()
    before = signal.signal(signal.SIGWINCH, changed)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
