"""Packets of git's wire protocol (gitprotocol-common): four hex digits of length, then the
content."""

from __future__ import annotations

import io
from enum import Enum

from git_datmo.timeouts import PatientReader, SilenceWatch

STEP = 1 << 20


class Mark(Enum):
    """The packets without content, which divide those around them."""

    FLUSH = 0
    DELIMITER = 1
    RESPONSE_END = 2


class BrokenPackets(Exception):
    """A stream that ended within a packet, or that holds no packets."""


def packet(data: bytes) -> bytes:
    """Encode a packet."""
    return b"%04x%b" % (len(data) + 4, data)


def mark(kind: Mark) -> bytes:
    """Encode a mark."""
    return b"%04x" % kind.value


class PacketReader:
    """Reads packets from a descriptor, which the caller closes; raises `Silent` after a timeout."""

    def __init__(self, descriptor: int, watch: SilenceWatch) -> None:
        raw = PatientReader(descriptor, watch, closefd=False)
        self._file = io.BufferedReader(raw, STEP)  # type: ignore[type-var]

    def line(self) -> bytes:
        """Return a line that comes before the packets, without its end; raise `BrokenPackets`
        for none."""
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise BrokenPackets("the other side has closed")
        return line[:-1]

    def packet(self) -> bytes | Mark:
        """Return the next packet's content, or a mark; raise `BrokenPackets` for anything else."""
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
