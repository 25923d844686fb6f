"""Read packs and their indexes in place (gitformat-pack, version 2)."""

from __future__ import annotations

import mmap
import os
import struct
import sys
from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from operator import sub
from pathlib import Path
from zlib import crc32

from git_datmo.errors import Damaged, DamagedFile
from git_datmo.git.deflate import BrokenStream, inflate, unstored
from git_datmo.git.deltas import apply_delta
from git_datmo.git.object_database import loose_path, read_loose, read_loose_head
from git_datmo.model import ObjectFormat, Oid

KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
OFFSET_DELTA, REF_DELTA = 6, 7
# Git writes at most 4,095 deltas in a chain. A longer chain is damage, perhaps a cycle.
DELTA_DEPTH_LIMIT = 4096
# The offset of the first id in an index, after its header and fan-out table.
NAMES = 8 + 4 * 256
# A range of at most this many ids is searched linearly, which is faster than bisecting it further.
CLOSE = 32
# The longest header of an entry: type, size, and the id or distance of a delta's base.
HEAD_LIMIT = 64
INDEX_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Head:
    """The header of a pack entry.

    `size` is the inflated size, `stream` the offset of the zlib stream. `base` is the offset or id
    of a delta's base.
    """

    type: int
    size: int
    stream: int
    base: int | Oid | None


def parse_head(data: bytes, offset: int, width: int) -> Head:
    """Parse the header of the entry at `offset`.

    `data` holds the bytes of the pack from that offset on. `width` is the length of an id in bytes.
    Raises `IndexError` if `data` ends within the header.
    """
    byte, position = data[0], 0
    kind, size, shift = byte >> 4 & 7, byte & 15, 4
    while byte & 0x80:
        position += 1
        byte = data[position]
        size |= (byte & 0x7F) << shift
        shift += 7
    position += 1
    # Further bytes of a distance add 1, so that none has two encodings (gitformat-pack).
    if kind == OFFSET_DELTA:
        byte = data[position]
        back = byte & 0x7F
        while byte & 0x80:
            position += 1
            byte = data[position]
            back = back + 1 << 7 | byte & 0x7F
        return Head(kind, size, offset + position + 1, offset - back)
    if kind == REF_DELTA:
        return Head(kind, size, offset + position + width, Oid(data[position : position + width]))
    return Head(kind, size, offset + position, None)


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
            return inflate(self._read(head.stream, _most(head.size)), head.size)
        except BrokenStream as error:
            raise self._damaged(f"byte {head.stream}: {error}") from error

    def inflate_into(self, head: Head, memory: memoryview) -> list[tuple[int, int]]:
        """Inflate an entry into `memory`, and return the ranges that hold its content.

        Stored blocks are not copied: the content then lies between their headers. `memory` has room
        for the stream with all its block headers.
        """
        self._open()
        read = memory[: os.preadv(self._fd, [memory[: _most(head.size)]], head.stream)]
        try:
            ranges = unstored(read, head.size)
            if ranges is not None:
                return ranges
            memory[: head.size] = inflate(read, head.size)
        except (BrokenStream, IndexError) as error:
            raise self._damaged(f"byte {head.stream}: {error}") from error
        return [(0, head.size)]


def _most(size: int) -> int:
    """Return the largest length of a zlib stream of `size` bytes, stored blocks included."""
    return size + size // 1000 + 1024


def _map(path: Path) -> mmap.mmap:
    with open(path, "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            raise DamagedFile(f"'{path}' is empty", path=str(path))
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _is_fanout(name: str) -> bool:
    return len(name) == 2 and not name.strip("0123456789abcdef")


class PackedObjects:
    """The objects below one `objects` folder: packed ones first, then loose ones."""

    def __init__(self, objects: Path, form: ObjectFormat) -> None:
        self.folder = objects
        self.format = form
        self._packs: dict[str, Pack] = {}
        # Indexes that cannot be used, with the reason. Their objects count as missing.
        self.unreadable: dict[Path, str] = {}
        self._latest: Pack | None = None
        self._loose: frozenset[int] = frozenset()
        self.refresh()

    def refresh(self) -> None:
        """Open packs that are new, close those that are gone, and list folders of loose objects.

        Other threads may read meanwhile.
        """
        with suppress(FileNotFoundError):
            self._loose = frozenset(
                bytes.fromhex(name)[0] for name in os.listdir(self.folder) if _is_fanout(name)
            )
        with suppress(FileNotFoundError):
            names = set(os.listdir(self.folder / "pack"))
            indexes = {name for name in names if name.endswith(".idx")}
            usable = {name for name in indexes if f"{name[:-4]}.pack" in names}
            packs = {name: pack for name, pack in self._packs.items() if name in usable}
            self.unreadable = {}
            for name in sorted(indexes - packs.keys()):
                self._open(self.folder / "pack" / name, packs, has_pack=name in usable)
            gone = [pack for name, pack in self._packs.items() if name not in usable]
            # Replace the table before a pack is closed: other threads look packs up in it.
            self._packs = packs
            self._latest = None
            for pack in gone:
                pack.close()

    def _open(self, index: Path, packs: dict[str, Pack], *, has_pack: bool) -> None:
        """Add the pack of an index to `packs`, or record the reason why it cannot be used."""
        try:
            if has_pack:
                packs[index.name] = Pack(index, self.format)
            elif index.exists():
                self.unreadable[index] = "its pack is not there"
        except FileNotFoundError:
            # The index was removed after the folder was listed.
            pass
        except Damaged:
            self.unreadable[index] = "it is no pack index of version 2"

    def close(self) -> None:
        """Close all packs."""
        for pack in self._packs.values():
            pack.close()
        self._packs.clear()
        self._latest = None

    def forget(self, pack: Path) -> None:
        """Close a pack. The next `refresh` opens it again if it still exists."""
        opened = self._packs.pop(pack.with_suffix(".idx").name, None)
        if opened is not None:
            self._latest = None
            opened.close()

    def packs(self) -> tuple[Pack, ...]:
        """Return the packs that are open."""
        return tuple(self._packs.values())

    def __contains__(self, oid: bytes) -> bool:
        return self._pack_with(oid) is not None or (
            oid[0] in self._loose and loose_path(self.folder, Oid(oid)).exists()
        )

    def _pack_with(self, oid: bytes) -> tuple[Pack, int] | None:
        """Return the pack that has an object, and the object's index position.

        The pack of the last answer is asked first: objects that are used together are stored
        together.
        """
        # Other threads may set `_latest` meanwhile, so it is read once.
        latest = self._latest
        index = latest.index_of(oid) if latest is not None else None
        if latest is not None and index is not None:
            return latest, index
        for pack in self._packs.values():
            index = pack.index_of(oid) if pack is not latest else None
            if index is not None:
                self._latest = pack
                return pack, index
        return None

    def __iter__(self) -> Iterator[Oid]:
        """Yield the id of every packed object; an id that is in several packs comes several
        times."""
        for pack in self._packs.values():
            for index in range(pack.count):
                yield Oid(pack.oid_at(index))

    def locate(self, oid: bytes) -> tuple[Pack, int] | None:
        """Return the pack that has an object, and the offset of its entry."""
        found = self._pack_with(oid)
        return (found[0], found[0].offset(found[1])) if found is not None else None

    def copies(self, oid: bytes) -> Iterator[tuple[Pack, int]]:
        """Yield every pack that has an object, with the object's index position."""
        for pack in self._packs.values():
            index = pack.index_of(oid)
            if index is not None:
                yield pack, index

    def loose(self) -> Iterator[Oid]:
        """Yield the ids of all loose objects."""
        width = 2 * self.format.size - 2
        for first in sorted(self._loose):
            with suppress(FileNotFoundError):
                for name in sorted(os.listdir(self.folder / f"{first:02x}")):
                    if len(name) == width and not name.strip("0123456789abcdef"):
                        yield Oid.fromhex(f"{first:02x}{name}")

    def find(self, oid: Oid, limit: int | None = None) -> tuple[str, bytes] | None:
        """Return the kind and content of an object; None if it is missing.

        Raises `Damaged` for an object of more than `limit` bytes, before it is inflated.
        """
        try:
            return self._find(oid, limit)
        except FileNotFoundError:
            # Its pack was replaced by another since we looked.
            self.refresh()
            return self._find(oid, limit)

    def _find(self, oid: Oid, limit: int | None) -> tuple[str, bytes] | None:
        found = self.locate(oid)
        return read_loose(self.folder, oid, limit) if found is None else self.at(*found, limit)

    def blob_into(self, oid: Oid, memory: memoryview) -> list[tuple[int, int]] | None:
        """Put a blob into `memory` and return the ranges that hold it, in order; None if it is
        missing.

        Raises `Damaged` if the blob does not fit.
        """
        try:
            found = self.locate(oid)
            head = found[0].head(found[1]) if found is not None else None
            if found is not None and head is not None and KINDS.get(head.type) == "blob":
                if _most(head.size) <= len(memory):
                    return found[0].inflate_into(head, memory)
                raise _oversized_chunk(oid)
        except FileNotFoundError:
            # Its pack was replaced by another since we looked.
            self.refresh()
        whole = self.find(oid)
        if whole is None or whole[0] != "blob":
            return None
        if len(whole[1]) > len(memory):
            raise _oversized_chunk(oid)
        memory[: len(whole[1])] = whole[1]
        return [(0, len(whole[1]))]

    def kind(self, oid: Oid) -> str | None:
        """Return the kind of an object ('blob', 'tree', …); None if it is missing."""
        found = self.locate(oid)
        if found is None:
            loose = read_loose_head(self.folder, oid)
            return loose[0] if loose else None
        pack, offset = found
        for _ in range(DELTA_DEPTH_LIMIT):
            head = pack.head(offset)
            if head.type in KINDS:
                return KINDS[head.type]
            pack, offset = self._base(pack, offset, head)
        raise _too_deep(pack, offset)

    def size(self, oid: Oid) -> int | None:
        """Return the size of an object; None if it is missing.

        An object that is no delta is not inflated.
        """
        found = self.locate(oid)
        if found is None:
            loose = read_loose_head(self.folder, oid)
            return loose[1] if loose else None
        # The header of a delta has the size of the delta, not that of the object.
        head = found[0].head(found[1])
        return head.size if head.type in KINDS else len(self.at(*found)[1])

    def _base(self, pack: Pack, offset: int, head: Head) -> tuple[Pack, int]:
        """Return the pack and offset of the base of the delta at `offset`."""
        if head.base is None:
            raise DamagedFile(
                f"'{pack.path}' has an entry of unknown type near byte {offset}",
                path=str(pack.path),
            )
        if isinstance(head.base, int):
            return pack, head.base
        found = self.locate(head.base)
        if found is None:
            raise DamagedFile(
                f"'{pack.path}' is missing delta base '{head.base}'", path=str(pack.path)
            )
        return found

    def at(self, pack: Pack, offset: int, limit: int | None = None) -> tuple[str, bytes]:
        """Return the kind and content of the object whose entry is at `offset` in `pack`.

        Raises `Damaged` if more than `limit` bytes would have to be inflated.
        """
        deltas: list[bytes] = []
        head = pack.head(offset)
        while head.type not in KINDS:
            if len(deltas) > DELTA_DEPTH_LIMIT:
                raise _too_deep(pack, offset)
            following = self._base(pack, offset, head)
            deltas.append(pack.inflate(bounded(head, limit)))
            pack, offset = following
            head = pack.head(offset)
        content = pack.inflate(bounded(head, limit))
        for delta in reversed(deltas):
            try:
                content = apply_delta(content, delta, limit)
            except Damaged as error:
                raise DamagedFile(
                    f"'{pack.path}' is damaged: {error.what}", path=str(pack.path)
                ) from error
        return KINDS[head.type], content


def bounded(head: Head, limit: int | None) -> Head:
    """Return `head`; raise `Damaged` for an entry of more than `limit` bytes."""
    if limit is not None and head.size > limit:
        raise Damaged(f"an object has {head.size} bytes, more than {limit}")
    return head


def _oversized_chunk(oid: Oid) -> Damaged:
    """Return the error for a blob that does not fit where a chunk is expected.

    The object itself is sound, so no repair helps: the tree that names it was made wrongly.
    """
    return Damaged(f"object '{oid}' is larger than any chunk", "ask the person who shared it")


def _too_deep(pack: Pack, offset: int) -> DamagedFile:
    what = f"'{pack.path}' has too long a chain of deltas near byte {offset}"
    return DamagedFile(what, path=str(pack.path))
