"""Bytes over descriptors, never read further than asked: what comes behind a line may belong to another reader."""

from __future__ import annotations

import os
from collections.abc import Callable

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
