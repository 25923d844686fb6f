"""Connect the user's terminal to a container: input, output and size."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Protocol

from git_datmo.engines.engine_contract import Size

IN, OUT = 0, 1
READ = 1 << 16


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
    with _raw(), _following(size, resize):
        sources = [IN, line.fileno()]
        while True:
            ready, _, _ = select.select(sources, [], [])
            if line.fileno() in ready:
                shown = line.recv(READ)
                if not shown:
                    return
                _write(shown)
            if IN in ready:
                typed = os.read(IN, READ)
                if typed:
                    line.sendall(typed)
                else:
                    sources.remove(IN)


def _write(data: bytes) -> None:
    """Write all bytes to standard output."""
    while data:
        data = data[os.write(OUT, data) :]


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    """Set the terminal to raw mode until the block ends."""
    before = termios.tcgetattr(IN)
    tty.setraw(IN, termios.TCSADRAIN)  # what was typed meanwhile is for the container
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
