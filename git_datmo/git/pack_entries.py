"""Read the entries of a pack that arrives as a stream.

Each entry is inflated to find its end, and its bytes are kept as they are. Nothing is trusted:
lengths limit how much is inflated, and the caller computes ids from content.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from isal import isal_zlib

from git_datmo.errors import Damaged
from git_datmo.git.deflate import Buffer
from git_datmo.git.entry_header import KINDS, REF_DELTA
from git_datmo.model import ObjectFormat, Oid

# Payload objects have a few MiB at most. Larger ones are refused, which limits memory.
OBJECT_LIMIT = 64 << 20


class Truncated(Damaged):
    """A stream that ends before the pack does."""


class Beyond(Damaged):
    """An entry that git can read and this module does not."""


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """An entry of a stream. `content` is the object's, or the delta's if it has a `base`."""

    kind: str
    base: Oid | None
    content: bytes
    parts: tuple[memoryview, ...]


class EntryReader:
    """Reads entries from blocks of bytes, one after the other."""

    def __init__(self, blocks: Iterator[Buffer], form: ObjectFormat) -> None:
        self._blocks = blocks
        self._width = form.size
        self._block = memoryview(b"")
        self._at = 0
        self._start = 0
        self._parts: list[memoryview] = []

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes; raise `Truncated` if there are fewer."""
        taken = bytearray()
        while len(taken) < size:
            if self._at == len(self._block):
                self._next_block()
            piece = self._block[self._at : self._at + size - len(taken)]
            taken += piece
            self._at += len(piece)
        return bytes(taken)

    def is_at_end(self) -> bool:
        """Return True if the stream has ended."""
        try:
            if self._at == len(self._block):
                self._next_block()
        except Truncated:
            return True
        return False

    def entry(self) -> StreamEntry:
        """Return the next entry; raise `Damaged` if it cannot be read."""
        self._parts, self._start = [], self._at
        kind, size = self._head()
        base = None
        if kind == REF_DELTA:
            base = Oid(self.take(self._width))
        elif kind not in KINDS:
            raise Beyond(f"an entry of type {kind} came in a pack")
        if size > OBJECT_LIMIT:
            raise Beyond(f"an object of {size} bytes came in a pack")
        content = self._inflate(size)
        self._parts.append(self._block[self._start : self._at])
        return StreamEntry(KINDS.get(kind, ""), base, content, tuple(self._parts))

    def _head(self) -> tuple[int, int]:
        byte = self._byte()
        kind, size, shift = byte >> 4 & 7, byte & 15, 4
        while byte & 0x80:
            byte = self._byte()
            size |= (byte & 0x7F) << shift
            shift += 7
            # A length without end would keep the reader busy for as long as the remote sends.
            if shift > 64:
                raise Damaged("an entry of a pack has no end to its length")
        return kind, size

    def _byte(self) -> int:
        if self._at == len(self._block):
            self._next_block()
        self._at += 1
        return self._block[self._at - 1]

    def _next_block(self) -> None:
        # The part of an entry in the old block is kept as a view, without a copy.
        if self._start < len(self._block):
            self._parts.append(self._block[self._start :])
        block = next(self._blocks, b"")
        self._block, self._at, self._start = memoryview(block), 0, 0
        if not block:
            raise Truncated("a pack ends early")

    def _inflate(self, size: int) -> bytes:
        machine = isal_zlib.decompressobj()
        pieces: list[bytes] = []
        missing = size
        while not machine.eof:
            if self._at == len(self._block):
                self._next_block()
            # The decompressor copies all bytes after the stream's end, so it gets few more than the
            # stream.
            shown = self._block[self._at : self._at + missing + missing // 1000 + 1024]
            try:
                # One byte more than expected is enough to find a stream that is too long.
                piece = machine.decompress(shown, missing + 1)
            except isal_zlib.error as error:  # type: ignore[misc]  # the stub gives an instance for the class
                raise Damaged(f"a received object is damaged: {error}") from error
            missing -= len(piece)
            self._at += len(shown) - len(machine.unused_data)
            if missing < 0 or machine.unconsumed_tail:
                raise Damaged("a received object is longer than its entry says")
            pieces.append(piece)
        if missing:
            raise Damaged("a received object is shorter than its entry says")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
