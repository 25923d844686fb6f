"""Packets of git's wire protocol (gitprotocol-common): a length in four hex digits, then so many bytes less four."""

from __future__ import annotations

import os
from enum import Enum

STEP = 1 << 18


class Mark(Enum):
    """The packets that carry nothing and divide what is around them."""

    FLUSH = 0
    DELIMITER = 1
    RESPONSE_END = 2


class BrokenPackets(Exception):
    """The other side ended within a packet, or sent what is none."""


def packet(data: bytes) -> bytes:
    return b"%04x%b" % (len(data) + 4, data)


def mark(kind: Mark) -> bytes:
    return b"%04x" % kind.value


class PacketReader:
    """The packets that come over a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._ahead = memoryview(b"")

    def line(self) -> bytes:
        """A line that comes before any packet, without its end; raises `BrokenPackets` where none comes."""
        while (end := bytes(self._ahead).find(b"\n")) < 0:
            self._more()
        return bytes(self._take(end + 1)[:-1])

    def packet(self) -> memoryview | Mark:
        """The next packet's content, or the mark that it is; raises `BrokenPackets`.

        The content is not copied: a packet that is held on to keeps what was read with it.
        """
        while len(self._ahead) < 4:
            self._more()
        head = bytes(self._take(4))
        try:
            size = int(head, 16)
            if size < 4:
                return Mark(size)
        except ValueError as error:
            raise BrokenPackets(f"{head!r} is no length of a packet") from error
        while len(self._ahead) < size - 4:
            self._more()
        return self._take(size - 4)

    def _take(self, size: int) -> memoryview:
        taken, self._ahead = self._ahead[:size], self._ahead[size:]
        return taken

    def _more(self) -> None:
        data = os.read(self._descriptor, STEP)
        if not data:
            raise BrokenPackets("the other side has closed")
        self._ahead = memoryview(b"".join((self._ahead, data)) if self._ahead else data)
