"""Read a pack and its index in place (gitformat-pack, version 2)."""

from __future__ import annotations

import mmap
import os
import struct
import sys
from array import array
from collections.abc import Iterator
from itertools import pairwise
from operator import sub
from pathlib import Path
from zlib import crc32

from git_datmo.errors import Damaged, DamagedFile
from git_datmo.git.deflate import BrokenStream, inflate, unstored
from git_datmo.git.entry_header import HEAD_LIMIT, Head, longest_stream, parse_head
from git_datmo.model import ObjectFormat

# The offset of the first id in an index, after its header and fan-out table.
NAMES = 8 + 4 * 256

# A range of at most this many ids is searched linearly, which is faster than bisecting it further.
CLOSE = 32


INDEX_BLOCK = 1 << 20


class Pack:
    """A pack with its index.

    The index is mapped into memory. The pack is read instead, because mapped pages count as memory
    in use.
    """

    def __init__(self, index: Path, form: ObjectFormat) -> None:
        self.path = index.with_suffix(".pack")
        self.width = form.size
        self._idx = _map(index)
        self._fanout: tuple[int, ...] = ()
        if len(self._idx) >= NAMES and self._idx[:8] == b"\377tOc\0\0\0\2":
            self._fanout = struct.unpack(">256I", self._idx[8:NAMES])
        self.count: int = self._fanout[255] if self._fanout else 0
        # `index_of` searches between two numbers of the fan-out, so these must not fall.
        rises = all(low <= high for low, high in pairwise(self._fanout))
        if (
            not self._fanout
            or not rises
            or len(self._idx) < NAMES + self.count * (self.width + 8) + 2 * self.width
        ):
            raise DamagedFile(f"'{index}' is not a version 2 pack index", path=str(index))
        self._fd = -1

    def close(self) -> None:
        self._idx.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _read(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes of the pack; fewer at its end."""
        self._open()
        return os.pread(self._fd, size, offset)

    def _open(self) -> None:
        if self._fd < 0:
            self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)

    def ids(self, first: int, last: int) -> list[bytes]:
        """Return the ids at the index positions from `first` up to, but not including, `last`."""
        width, names = self.width, self._idx[NAMES + first * self.width : NAMES + last * self.width]
        return [names[at : at + width] for at in range(0, len(names), width)]

    def indexes_from(self, byte: int) -> tuple[int, int]:
        """Return the range of index positions whose ids begin with `byte`."""
        return (self._fanout[byte - 1] if byte else 0), self._fanout[byte]

    def offsets(self) -> array[int]:
        """Return the offset of each entry by its index position.

        Raises `Damaged` if the index has no valid offset table.
        """
        table = NAMES + self.count * (self.width + 4)
        offsets = array("I", self._idx[table : table + 4 * self.count])
        if sys.byteorder == "little":
            offsets.byteswap()
        # The highest bit marks an offset that is in the table of large offsets.
        if max(offsets, default=0) < 1 << 31:
            return offsets
        return array("Q", map(self.offset, range(self.count)))

    def oids(self) -> bytes:
        """Return the ids of all entries in index order, as one byte string."""
        return self._idx[NAMES : NAMES + self.count * self.width]

    def oid_at(self, index: int) -> bytes:
        """Return the id at an index position."""
        start = NAMES + index * self.width
        return self._idx[start : start + self.width]

    def index_of(self, oid: bytes) -> int | None:
        """Return the index position of an object; None if the pack does not have it."""
        names, width = self._idx, self.width
        low = self._fanout[oid[0] - 1] if oid[0] else 0
        high = self._fanout[oid[0]]
        while high - low > CLOSE:
            middle = (low + high) // 2
            start = NAMES + middle * width
            if names[start : start + width] <= oid:
                low = middle
            else:
                high = middle
        found = names.find(oid, NAMES + low * width, NAMES + high * width)
        # A match across the border of two ids is none.
        while found >= 0 and (found - NAMES) % width:
            found = names.find(oid, found + 1, NAMES + high * width)
        return (found - NAMES) // width if found >= 0 else None

    def is_index_sound(self, form: ObjectFormat) -> bool:
        """Return True if the index ends in the checksum of its own bytes."""
        digest = form.new_hash()
        end = len(self._idx) - self.width
        for start in range(0, end, INDEX_BLOCK):
            digest.update(self._idx[start : min(start + INDEX_BLOCK, end)])
        return bool(digest.digest() == self._idx[end:])

    def offset(self, index: int) -> int:
        """Return the offset of the entry at an index position."""
        table = NAMES + self.count * (self.width + 4)
        (value,) = struct.unpack_from(">I", self._idx, table + 4 * index)
        if value & 1 << 31:
            start = table + 4 * self.count + 8 * (value & (1 << 31) - 1)
            if start + 8 > len(self._idx) - 2 * self.width:
                raise self._damaged("its index")
            (value,) = struct.unpack_from(">Q", self._idx, start)
        return int(value)

    def entries(self) -> Iterator[tuple[int, int, int]]:
        """Yield the index position, offset and length of each entry, in pack order."""
        order, starts = self._in_order()
        for index, (start, end) in zip(order, pairwise(starts), strict=True):
            yield index, start, end - start

    def lengths(self) -> array[int]:
        """Return the length of each entry in bytes, by its index position."""
        order, starts = self._in_order()
        lengths = array("Q", bytes(8 * self.count))
        for index, length in zip(order, map(sub, starts[1:], starts), strict=True):
            lengths[index] = length
        return lengths

    def _in_order(self) -> tuple[list[int], list[int]]:
        """Return the index positions in pack order, and the offsets at which entries begin and
        end."""
        offsets = self.offsets()
        # An index has no lengths: an entry ends where the next one or the checksum begins.
        order = sorted(range(self.count), key=offsets.__getitem__)
        return order, [*map(offsets.__getitem__, order), self.size - self.width]

    @property
    def size(self) -> int:
        """Return the size of the pack file in bytes."""
        return os.stat(self.path).st_size

    def raw(self, index: int, offset: int, length: int) -> bytes:
        """Return the bytes of an entry; raise `Damaged` if their CRC-32 is not the one in the
        index."""
        data = self._read(offset, length)
        if len(data) < length or crc32(data) != self.crc(index):
            raise self._damaged(f"byte {offset}")
        return data

    def crc(self, index: int) -> int:
        """Return the CRC-32 that the index has for an entry."""
        (value,) = struct.unpack_from(">I", self._idx, NAMES + self.count * self.width + 4 * index)
        return int(value)

    def marked(self, mark: str) -> bool:
        """Return True if git has marked the pack as 'keep' or 'promisor' (gitrepository-layout)."""
        return self.path.with_suffix(f".{mark}").exists()

    def _damaged(self, where: object) -> Damaged:
        return DamagedFile(f"'{self.path}' is damaged near {where}", path=str(self.path))

    def head(self, offset: int) -> Head:
        """Return the header of the entry at `offset`."""
        if offset < 12:
            raise self._damaged(f"byte {offset}")
        try:
            return parse_head(self._read(offset, HEAD_LIMIT), offset, self.width)
        except IndexError as error:
            raise self._damaged(f"byte {offset}") from error

    def inflate(self, head: Head) -> bytes:
        """Return the inflated stream of an entry."""
        try:
            return inflate(self._read(head.stream, longest_stream(head.size)), head.size)
        except BrokenStream as error:
            raise self._damaged(f"byte {head.stream}: {error}") from error

    def inflate_into(self, head: Head, memory: memoryview) -> list[tuple[int, int]]:
        """Inflate an entry into `memory`, and return the ranges that hold its content.

        Stored blocks are not copied: the content then lies between their headers. `memory` has room
        for the stream with all its block headers.
        """
        self._open()
        read = memory[: os.preadv(self._fd, [memory[: longest_stream(head.size)]], head.stream)]
        try:
            ranges = unstored(read, head.size)
            if ranges is not None:
                return ranges
            memory[: head.size] = inflate(read, head.size)
        except (BrokenStream, IndexError) as error:
            raise self._damaged(f"byte {head.stream}: {error}") from error
        return [(0, head.size)]


def _map(path: Path) -> mmap.mmap:
    with open(path, "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            raise DamagedFile(f"'{path}' is empty", path=str(path))
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
