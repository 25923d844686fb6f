"""Our terminal as a container's own: keys go in as they are pressed, what it shows comes out, sizes
follow."""

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
    """The socket of an attached container."""

    def fileno(self) -> int: ...
    def recv(self, size: int, /) -> bytes: ...
    def sendall(self, data: bytes, /) -> None: ...


def converse(line: Line, size: Size, resize: Callable[[int, int], None]) -> None:
    """Carry bytes between our terminal and `line` until it ends; `resize` is told whenever our size
    is another."""
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
    while data:
        data = data[os.write(OUT, data) :]


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    before = termios.tcgetattr(IN)
    tty.setraw(IN, termios.TCSADRAIN)  # what was typed meanwhile is for the container
    try:
        yield
    finally:
        termios.tcsetattr(IN, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _following(size: Size, resize: Callable[[int, int], None]) -> Iterator[None]:
    def tell() -> None:
        with contextlib.suppress(OSError):
            resize(*size())

    def changed(_number: int, _frame: FrameType | None) -> None:
        # Not in the handler, which may have come in the middle of another request.
        threading.Thread(target=tell, daemon=True).start()

    tell()
    before = signal.signal(signal.SIGWINCH, changed)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
