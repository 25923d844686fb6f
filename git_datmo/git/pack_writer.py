"""Write packs and their indexes (gitformat-pack, version 2), without deltas.

A pack becomes visible only when it is complete. Data, checksum and index are fsynced and renamed,
the pack before its index, since git looks for `*.idx`.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isal import isal_zlib

from git_datmo import fsio, permissions
from git_datmo.git.deflate import Buffer
from git_datmo.locking import NO_LOCKS
from git_datmo.model import ObjectFormat, Oid

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

TYPES = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
BATCH = 8 << 20
HEADER = 12

# A pack that is being received is written in smaller steps, so that a killed process loses little.
PARTIAL = "tmp_datmo_"
PARTIAL_BATCH = 1 << 18
ABANDONED = 3600


def entry_header(kind: str, size: int) -> bytes:
    """Return the header of an entry: its type and inflated size."""
    # The first byte has 4 bits of the size, each further one 7, the lowest first (gitformat-pack).
    low, rest = size & 15, size >> 4
    head = bytearray([TYPES[kind] << 4 | low | (0x80 if rest else 0)])
    while rest:
        low, rest = rest & 0x7F, rest >> 7
        head.append(low | (0x80 if rest else 0))
    return bytes(head)


def _header(count: int) -> bytes:
    return struct.pack(">4sII", b"PACK", 2, count)


@dataclass(frozen=True, slots=True)
class PackEntry:
    """An object ready to be written: header and zlib stream in parts, and the CRC-32 of all
    parts."""

    oid: Oid
    parts: Sequence[Buffer]
    length: int
    crc: int


def make_entry(oid: Oid, kind: str, size: int, stream: Sequence[Buffer]) -> PackEntry:
    """Return the entry of an object whose zlib stream is given."""
    return as_entry(oid, (entry_header(kind, size), *stream))


def as_entry(oid: Oid, parts: Sequence[Buffer]) -> PackEntry:
    """Return an entry that consists of `parts`, header included."""
    crc = length = 0
    for part in parts:
        crc = isal_zlib.crc32(part, crc)
        length += len(part)
    return PackEntry(oid, parts, length, crc)


@dataclass(frozen=True, slots=True)
class PackLimits:
    """The number of objects and of bytes at which a pack is closed."""

    objects: int
    size: int


def claim(fd: int) -> bool:
    """Claim a partial pack; return False if another process is writing it.

    The claim lasts until `fd` is closed or the process ends. On a file system without locks, a file
    that was not written to for an hour counts as abandoned.
    """
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return time.time() - os.fstat(fd).st_mtime > ABANDONED
    return True


class PackWriter:
    """A pack that is being written. `finish` names it; leaving the block without `finish` discards
    it.

    With `partial`, an unfinished file stays for `finish_partial`. It is written in small steps, so
    that little is lost when the process is killed.

    A pack begins with the number of its entries and ends with a hash of all of it. If `count`
    proves to be that number, the hash was computed on the thread `behind` while the pack was
    written. Otherwise the pack is read once more.
    """

    def __init__(
        self,
        folder: Path,
        form: ObjectFormat,
        *,
        partial: bool = False,
        count: int = 0,
        behind: Executor | None = None,
    ) -> None:
        permissions.make_folder(folder)
        self._folder = folder
        self._format = form
        self._partial = partial
        self._fd, self._path = self._open()
        self._count = count
        # Without a count, the header is a guess, and so would be the hash of it.
        self._behind = behind if count else None
        self._digest = form.new_hash()
        self._hashed: Future[None] | None = None
        self._pending: list[Buffer] = [_header(count)]
        self._pending_size = HEADER
        self._offset = HEADER
        self._flushed = 0
        self._oids = bytearray()
        self._crcs = array("I")
        self._offsets = array("Q")

    def __len__(self) -> int:
        return len(self._crcs)

    @property
    def size(self) -> int:
        """Return the bytes written so far."""
        return self._offset

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            if self._partial:
                with suppress(OSError):
                    self.flush()
            os.close(self._fd)
            self._fd = -1
        if not self._partial:
            with suppress(FileNotFoundError):
                os.unlink(self._path)

    def _open(self) -> tuple[int, Path]:
        if not self._partial:
            return permissions.create_temporary(self._folder, "tmp_pack_", permissions.READ_ONLY)
        # Another member of the group may finish the pack.
        fd, path = permissions.create_temporary(self._folder, PARTIAL)
        claim(fd)
        return fd, path

    def add(self, entry: PackEntry) -> None:
        """Add an entry; its memory is read until `flush` says otherwise."""
        self._note(entry)
        self._pending += entry.parts
        self._pending_size += entry.length
        batch = PARTIAL_BATCH if self._partial else BATCH
        # One entry has several parts, and one writev call takes at most `PARTS_AT_ONCE`.
        if self._pending_size >= batch or len(self._pending) >= fsio.PARTS_AT_ONCE - 16:
            self.flush()

    def _note(self, entry: PackEntry) -> None:
        self._oids += entry.oid
        self._crcs.append(entry.crc)
        self._offsets.append(self._offset)
        self._offset += entry.length

    def flush(self) -> Future[None] | None:
        """Write the entries that were added.

        Their memory is no longer read once the returned future is done.
        """
        parts, self._pending = self._pending, []
        # Hashing begins before the write, so that both run at the same time.
        if self._behind is not None and parts:
            self._hashed = self._behind.submit(self._update, parts)
        self._pending_size = 0
        fsio.write_parts(self._fd, parts)
        # Start writing to disk now, so that the last fsync has less to do. Pages that were written
        # are kept.
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(
                self._fd, self._flushed, self._offset - self._flushed, os.POSIX_FADV_DONTNEED
            )
        self._flushed = self._offset
        return self._hashed

    def _update(self, parts: Sequence[Buffer]) -> None:
        for part in parts:
            self._digest.update(part)

    def finish(self, *, promisor: bool = False) -> Path | None:
        """Complete the pack and return its path; None for a pack without entries.

        `promisor` marks a pack whose trees may name objects that only a remote has (git's partial
        clone).
        """
        if not self._crcs:
            return None
        self.flush()
        trailer = self._seal()
        # Named by its checksum, a pack that is written twice is one file.
        stem = self._folder / f"pack-{trailer.hex()}"
        permissions.make_read_only(self._fd)
        fsio.sync(self._fd)
        if promisor:
            # The mark comes before the pack: without it, git would call absent objects missing.
            fsio.write_file(stem.with_suffix(".promisor"), b"", mode=permissions.READ_ONLY)
        os.replace(self._path, stem.with_suffix(".pack"))
        # Closing gives up the claim on a partial pack, so the file is closed last.
        os.close(self._fd)
        self._fd = -1
        # The index comes last: git and git-datmo look packs up by their indexes.
        fsio.write_file(stem.with_suffix(".idx"), self._index(trailer), mode=permissions.READ_ONLY)
        return stem.with_suffix(".pack")

    def _seal(self) -> bytes:
        """Write the count into the header, hash the file and append the hash."""
        # One thread hashes the batches in order, so the last future stands for all.
        if self._hashed is not None:
            self._hashed.result()
        # The number of entries is in the header. If it was guessed wrong, the hash is wrong, too.
        if self._hashed is None or self._count != len(self._crcs):
            os.pwrite(self._fd, _header(len(self._crcs)), 0)
            self._digest = self._hash_file()
        trailer: bytes = self._digest.digest()
        os.pwrite(self._fd, trailer, self._offset)
        return trailer

    def _hash_file(self) -> Any:
        digest = self._format.new_hash()
        buffer = bytearray(1 << 20)
        offset = 0
        while count := os.preadv(self._fd, [buffer], offset):
            digest.update(memoryview(buffer)[:count])
            offset += count
        return digest

    def _index(self, trailer: bytes) -> bytes:
        """Return the version 2 index of the entries."""
        width = self._format.size
        oids = [bytes(self._oids[i : i + width]) for i in range(0, len(self._oids), width)]
        order = sorted(range(len(oids)), key=oids.__getitem__)
        fanout = [0] * 256
        for oid in oids:
            fanout[oid[0]] += 1
        for first in range(1, 256):
            fanout[first] += fanout[first - 1]
        small, large = array("I"), array("Q")
        for index in order:
            offset = self._offsets[index]
            if offset < 1 << 31:
                small.append(offset)
            else:
                # The highest bit says that the rest is a position in the table of large offsets.
                small.append(1 << 31 | len(large))
                large.append(offset)
        crcs = array("I", [self._crcs[index] for index in order])
        # All numbers of an index are in network byte order.
        if sys.byteorder == "little":
            for numbers in (small, large, crcs):
                numbers.byteswap()
        parts = (
            b"\377tOc\0\0\0\2",
            struct.pack(">256I", *fanout),
            b"".join(oids[index] for index in order),
            crcs.tobytes(),
            small.tobytes(),
            large.tobytes(),
            trailer,
        )
        body = b"".join(parts)
        checksum: bytes = self._format.new_hash(body).digest()
        return body + checksum


def write_packs(
    folder: Path,
    form: ObjectFormat,
    entries: Iterable[PackEntry],
    limits: PackLimits,
    *,
    promisor: bool = False,
) -> Iterator[Path]:
    """Write entries to packs that are closed at either limit, and yield each path once it is
    complete."""
    rest = iter(entries)
    # A pack is opened only once an entry is known, so that no pack is empty.
    entry = next(rest, None)
    while entry is not None:
        with PackWriter(folder, form) as writer:
            while entry is not None and len(writer) < limits.objects and writer.size < limits.size:
                writer.add(entry)
                entry = next(rest, None)
            path = writer.finish(promisor=promisor)
        assert path is not None
        yield path
