"""Parse and write git's packets (gitprotocol-common, gitprotocol-pack)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from git_datmo.git.pktline import packet
from git_remote_datmo.protocol import TEXT

FLUSH = b"0000"
STEP = 1 << 16
# Bytes of data in a side-band packet: the largest packet minus its 4-digit length and the band
# byte.
BAND = 65515


@dataclass(frozen=True, slots=True)
class Block:
    """Packets up to a flush packet.

    If the stream ended before a flush or contained no packets, `complete` is False and `raw`
    contains all its bytes.
    """

    raw: bytes
    packets: tuple[bytes, ...]
    complete: bool


class BlockReader:
    """Reader of blocks of packets. `rest` returns the bytes after the last block."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._ahead = bytearray()

    def block(self) -> Block:
        """Return the next block."""
        packets: list[bytes] = []
        at = 0
        while self._has(at + 4) and re.fullmatch(rb"[0-9a-fA-F]{4}", self._ahead[at : at + 4]):
            size = int(self._ahead[at : at + 4], 16)
            if size == 0:
                return Block(self._take(at + 4), tuple(packets), complete=True)
            # Lengths 1 to 3 mark packets of protocol version 2, which a push does not have.
            if size < 4 or not self._has(at + size):
                break
            packets.append(bytes(self._ahead[at + 4 : at + size]))
            at += size
        return Block(self.rest(), tuple(packets), complete=False)

    def rest(self) -> bytes:
        """Return and forget the bytes that were read after the last block."""
        return self._take(len(self._ahead))

    def _has(self, size: int) -> bool:
        """Read until the buffer has `size` bytes; return False if the stream ends before."""
        while len(self._ahead) < size:
            data = self._read(STEP)
            if not data:
                return False
            self._ahead += data
        return True

    def _take(self, size: int) -> bytes:
        """Remove the first `size` bytes of the buffer and return them."""
        taken = bytes(self._ahead[:size])
        del self._ahead[:size]
        return taken


def advertised(block: Block) -> dict[str, str]:
    """Return the refs that a receive-pack advertises, with their ids."""
    rows = (
        # The first line has the capabilities behind a NUL (gitprotocol-pack).
        re.fullmatch(rb"([0-9a-f]{40,}) (refs/[^\0\n]+)(?:\0.*)?\n?", line, re.DOTALL)
        for line in block.packets
    )
    return {row[2].decode(*TEXT): row[1].decode() for row in rows if row}


@dataclass(frozen=True, slots=True)
class Update:
    """Move of a ref from `old` to `new` in a push. An id of zeros stands for a missing ref."""

    old: str
    new: str
    target: str

    @property
    def deletes(self) -> bool:
        """Return True if the push deletes the ref."""
        return not self.new.strip("0")

    @property
    def creates(self) -> bool:
        """Return True if the push creates the ref."""
        return not self.old.strip("0")


@dataclass(frozen=True, slots=True)
class PushRequest:
    """Updates of a push, and the capabilities that git selected; no updates in a dry run."""

    updates: tuple[Update, ...]
    capabilities: frozenset[bytes]
    signed: bool


def parse_push(block: Block) -> PushRequest:
    """Parse the commands of a push, either plain or within the certificate of a signed push."""
    updates, capabilities = [], frozenset[bytes]()
    for content in block.packets:
        line, _, said = content.partition(b"\0")
        capabilities |= frozenset(said.split())
        if found := re.fullmatch(rb"([0-9a-f]{40,}) ([0-9a-f]{40,}) (.+?)\n?", line):
            old, new, target = (field.decode(*TEXT) for field in found.groups())
            updates.append(Update(old, new, target))
    signed = any(content.startswith(b"push-cert\0") for content in block.packets)
    return PushRequest(tuple(updates), capabilities, signed)


def report(refused: Mapping[str, str], capabilities: frozenset[bytes]) -> bytes:
    """Return the status report that refuses all refs, each with its reason.

    It uses side-band packets if git selected `side-band-64k`.
    """
    lines = (packet(f"ng {ref} {why}\n".encode(*TEXT)) for ref, why in refused.items())
    text = packet(b"unpack ok\n") + b"".join(lines) + FLUSH
    if b"side-band-64k" not in capabilities:
        return text
    bands = (text[start : start + BAND] for start in range(0, len(text), BAND))
    return b"".join(packet(b"\1" + band) for band in bands) + FLUSH
