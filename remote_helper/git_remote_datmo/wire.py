"""Bytes over descriptors, never read further than asked: what comes behind a line may belong to another reader."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from git_datmo.errors import DatmoError

if TYPE_CHECKING:
    from git_remote_datmo.pipes import Service

STEP = 1 << 16


class LineReader:
    """Lines of a descriptor; `rest` gives up what was read beyond the last one."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._ahead = b""

    def line(self) -> bytes | None:
        """The next line without its end, or None where the other side has closed."""
        while b"\n" not in self._ahead:
            data = os.read(self.descriptor, STEP)
            if not data:
                return None
            self._ahead += data
        line, _, self._ahead = self._ahead.partition(b"\n")
        return line

    def until_empty(self) -> list[bytes] | None:
        """The lines up to the next empty one, or None where the other side closes before it."""
        lines: list[bytes] = []
        while True:
            line = self.line()
            if line is None:
                return None
            if not line:
                return lines
            lines.append(line)

    def rest(self) -> bytes:
        ahead, self._ahead = self._ahead, b""
        return ahead


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def pump(read: Callable[[int], bytes], write: Callable[[bytes], None]) -> None:
    """Pass everything on until the reading side ends."""
    while data := read(STEP):
        write(data)


def read_input(size: int) -> bytes:
    return os.read(0, size)


def write_output(data: bytes) -> None:
    write_all(1, data)


def complain(error: DatmoError) -> None:
    """Tell the user, in the one line that git's own errors take, and what to do next."""
    hint = f"hint: {error.hint}\n" if error.hint else ""
    sys.stderr.write(f"fatal: {error.what}\n{hint}")
    sys.stderr.flush()


def relay(service: Service, ahead: bytes = b"") -> int:
    """Join git's pipes to a service until it ends; its exit status. `ahead` is what git has said before."""
    # Left behind when the service ends first: nothing that git still sends would be read.
    threading.Thread(target=_pass_input, args=(service, ahead), daemon=True).start()
    # Where git has gone away, it says itself why; hanging up ends the service too.
    with contextlib.suppress(BrokenPipeError):
        pump(service.read, write_output)
    return service.finish()


def _pass_input(service: Service, ahead: bytes) -> None:
    with contextlib.suppress(OSError):
        service.write(ahead)
        pump(read_input, service.write)
    with contextlib.suppress(OSError):
        service.close_asking()
