"""Worker jobs for content on its way to a pack: read, hash, compress, checksum.

Requests and results are plain values, since they cross process boundaries. Content stays in the
shared buffer of the job.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from typing import TypeVar

from git_datmo.errors import Unreadable
from git_datmo.git.deflate import deflate
from git_datmo.git.pack_writer import PackEntry, make_entry
from git_datmo.git.safe_paths import show
from git_datmo.model import ObjectFormat, Oid

_T = TypeVar("_T")

# Values that must be the same before and after a file is read: size, times and inode number
# (`identity`).
Identity = tuple[int, int, int, int]
# A file to read: its path, mode and identity.
FileRequest = tuple[bytes, int, Identity]
# A piece of content: id, size, and its entry, or None if the store has it. The entry is the CRC-32
# and the parts. A part in the buffer is its (start, end) range.
Hashed = tuple[bytes, int, "tuple[int, Sequence[bytes | tuple[int, int]]] | None"]


class Hasher:
    """Worker that makes pack entries from files below `root` or from content in memory.

    It makes no entry for an object that the store `knows`.
    """

    def __init__(self, root: bytes, form: ObjectFormat, knows: Callable[[Oid], bool]) -> None:
        self._root, self._format, self._knows = root, form, knows

    def files(self, memory: memoryview, files: Sequence[FileRequest]) -> list[Hashed]:
        """Read whole files into `memory`, without gaps, and hash each.

        Raises `Unreadable` if a file cannot be read or changed.
        """
        hashed, offset = [], 0
        for path, mode, identity in files:
            full = os.path.join(self._root, path)
            if stat.S_ISLNK(mode):
                target = attempt(os.readlink, full, path)
                size = len(target)
                memory[offset : offset + size] = target
            else:
                size = _read(full, path, identity, memory[offset:])
            hashed.append(self._hash(memory, offset, offset + size))
            offset += size
        return hashed

    def chunks(self, memory: memoryview, ends: Sequence[int]) -> list[Hashed]:
        """Hash chunks in `memory`; `ends` are their end offsets, the first begins at 0."""
        return [
            self._hash(memory, start, end) for start, end in zip((0, *ends), ends, strict=False)
        ]

    def _hash(self, memory: memoryview, start: int, end: int) -> Hashed:
        """Hash and compress the content of a range of `memory`.

        The compressed parts replace the content in the same range.
        """
        content = memory[start:end]
        oid = self._format.hash("blob", content)
        if self._knows(oid):
            return oid, len(content), None
        entry = make_entry(oid, "blob", len(content), deflate(content))
        parts: list[bytes | tuple[int, int]] = []
        offset = start
        for part in entry.parts:
            size = len(part)
            # Headers are smaller than this, and cross the pipe with the answer.
            if isinstance(part, bytes) and size < 64:
                parts.append(part)
                continue
            # Stored (uncompressed) parts stay in position. A compressed stream replaces the
            # content, since it is shorter.
            if isinstance(part, bytes):
                memory[offset : offset + size] = part
            parts.append((offset, offset + size))
            offset += size
        return oid, len(content), (entry.crc, parts)


def entry_of(hashed: Hashed, memory: memoryview) -> PackEntry | None:
    """Return the pack entry of a piece whose content is in `memory`.

    Return None if the store has the object.
    """
    oid, _, found = hashed
    if found is None:
        return None
    crc, pieces = found
    parts = [piece if isinstance(piece, bytes) else memory[slice(*piece)] for piece in pieces]
    return PackEntry(Oid(oid), parts, sum(map(len, parts)), crc)


def identity(info: os.stat_result) -> Identity:
    """Return the stat values that change when a file changes.

    Programs can set the modification time back, but not the time of status change.
    """
    return info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino


def open_file(full: bytes, path: bytes) -> int:
    """Open a file for reading and return its descriptor.

    `path` is its name in error messages.
    """
    # A path that has become a link must not be followed.
    return attempt(
        lambda name: os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), full, path
    )


def _read(full: bytes, path: bytes, expected: Identity, memory: memoryview) -> int:
    """Read a file into `memory` and return its size.

    Raises `Unreadable` if the file changed.
    """
    fd = open_file(full, path)
    try:
        # Read a byte more than the expected size, to detect a file that has grown.
        room, size = memory[: expected[0] + 1], 0
        while size < len(room) and (count := os.readv(fd, [room[size:]])):
            size += count
            # This saves a read that would return nothing.
            if size == expected[0]:
                break
        check_unchanged(fd, path, expected, size)
        return size
    finally:
        os.close(fd)


def check_unchanged(fd: int, path: bytes, expected: Identity, size: int) -> None:
    """Raise `Unreadable` unless an open file still has its `expected` identity.

    `size`, the number of bytes that were read, must be the expected size too.
    """
    if identity(os.fstat(fd)) != expected or size != expected[0]:
        hint = "run this again when nothing writes to it"
        raise Unreadable(f"{show(path)} changed while it was read", hint, path=path)


def attempt(function: Callable[[bytes], _T], full: bytes, path: bytes) -> _T:
    """Return `function(full)`; turn an `OSError` into an `Unreadable` about `path`."""
    try:
        return function(full)
    except OSError as error:
        hint = "make it readable, or leave it out" if isinstance(error, PermissionError) else ""
        raise Unreadable(f"cannot read {show(path)}: {error.strerror}", hint, path=path) from error
