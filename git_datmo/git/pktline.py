"""Packets of git's wire protocol (gitprotocol-common): a length in four hex digits, then so many bytes less four."""

from __future__ import annotations

import io
from enum import Enum

from git_datmo.waits import PatientReader, Watch

STEP = 1 << 20


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
    """The packets that come over a descriptor, which stays the caller's; raises `Silent` where none come."""

    def __init__(self, descriptor: int, watch: Watch) -> None:
        raw = PatientReader(descriptor, watch, closefd=False)
        self._file = io.BufferedReader(raw, STEP)  # type: ignore[type-var]

    def line(self) -> bytes:
        """A line that comes before any packet, without its end; raises `BrokenPackets` where none comes."""
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise BrokenPackets("the other side has closed")
        return line[:-1]

    def packet(self) -> bytes | Mark:
        """The next packet's content, or the mark that it is; raises `BrokenPackets`."""
        head = self._exactly(4)
        try:
            size = int(head, 16)
            if size < 4:
                return Mark(size)
        except ValueError as error:
            raise BrokenPackets(f"{head!r} is no length of a packet") from error
        return self._exactly(size - 4)

    def _exactly(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise BrokenPackets("the other side has closed")
        return data
