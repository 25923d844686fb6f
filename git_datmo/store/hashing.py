"""What workers do with content on its way to a pack: read it, hash it, deflate it, sum it up.

Requests and answers are plain values, since they cross from one process to another; content stays where it is, in the
memory of the turn.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from typing import TypeVar

from git_datmo.errors import Unreadable
from git_datmo.git.deflate import deflate
from git_datmo.git.packwriter import PackEntry, make_entry
from git_datmo.git.paths import show
from git_datmo.model import ObjectFormat, Oid

_T = TypeVar("_T")

# What must be the same before and after a file is read: its size, times and number (`identity`).
Identity = tuple[int, int, int, int]
# A file to read: its path, its mode, and its identity.
FileRequest = tuple[bytes, int, Identity]
# One piece of content: its id, its size, and its entry, unless the store has it: the CRC-32, and the parts, those that
# stand in memory as the places where they begin and end.
Hashed = tuple[bytes, int, "tuple[int, Sequence[bytes | tuple[int, int]]] | None"]


class Hasher:
    """Makes entries of files below `root`, or of what is in memory, but for objects that the store `knows`."""

    def __init__(self, root: bytes, form: ObjectFormat, knows: Callable[[Oid], bool]) -> None:
        self._root, self._format, self._knows = root, form, knows

    def files(self, memory: memoryview, files: Sequence[FileRequest]) -> list[Hashed]:
        """Read whole files into `memory`, one behind the other, and hash each."""
        hashed, place = [], 0
        for path, mode, identity in files:
            full = os.path.join(self._root, path)
            if stat.S_ISLNK(mode):
                target = attempt(os.readlink, full, path)
                size = len(target)
                memory[place : place + size] = target
            else:
                size = _read(full, path, identity, memory[place:])
            hashed.append(self._hash(memory, place, place + size))
            place += size
        return hashed

    def chunks(self, memory: memoryview, ends: Sequence[int]) -> list[Hashed]:
        """Hash the chunks that stand in `memory` one behind the other."""
        return [self._hash(memory, start, end) for start, end in zip((0, *ends), ends, strict=False)]

    def _hash(self, memory: memoryview, start: int, end: int) -> Hashed:
        content = memory[start:end]
        oid = self._format.hash("blob", content)
        if self._knows(oid):
            return oid, len(content), None
        entry = make_entry(oid, "blob", len(content), deflate(content))
        parts: list[bytes | tuple[int, int]] = []
        place = start
        for part in entry.parts:
            size = len(part)
            if isinstance(part, bytes) and size < 64:
                parts.append(part)
                continue
            # A part of the content stands where it did; a packed stream takes the content's place, as it is shorter.
            if isinstance(part, bytes):
                memory[place : place + size] = part
            parts.append((place, place + size))
            place += size
        return oid, len(content), (entry.crc, parts)


def entry_of(hashed: Hashed, memory: memoryview) -> PackEntry | None:
    """The entry of a piece whose content is in `memory`; None where the store has the object."""
    oid, _, found = hashed
    if found is None:
        return None
    crc, places = found
    parts = [place if isinstance(place, bytes) else memory[place[0] : place[1]] for place in places]
    return PackEntry(Oid(oid), parts, sum(map(len, parts)), crc)


def identity(info: os.stat_result) -> Identity:
    """Return what differs once a file has changed; programs can set the time of modification back, not of change."""
    return info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino


def open_file(full: bytes, path: bytes) -> int:
    """A file opened to be read; `path` is how it is called in what is raised."""
    return attempt(lambda name: os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), full, path)


def _read(full: bytes, path: bytes, expected: Identity, memory: memoryview) -> int:
    fd = open_file(full, path)
    try:
        # A byte more than the file should have, to see that it ends there.
        room, size = memory[: expected[0] + 1], 0
        while size < len(room) and (count := os.readv(fd, [room[size:]])):
            size += count
            if size == expected[0]:
                break
        check_unchanged(fd, path, expected, size)
        return size
    finally:
        os.close(fd)


def check_unchanged(fd: int, path: bytes, expected: Identity, size: int) -> None:
    """Raise `Unreadable` where a file of which `size` bytes were read is not the one that was `expected`."""
    if identity(os.fstat(fd)) != expected or size != expected[0]:
        hint = "run this again when nothing writes to it"
        raise Unreadable(f"{show(path)} changed while it was read", hint, path=path)


def attempt(function: Callable[[bytes], _T], full: bytes, path: bytes) -> _T:
    """`function(full)`, with what the system refuses told in terms of `path`."""
    try:
        return function(full)
    except OSError as error:
        hint = "make it readable, or leave it out" if isinstance(error, PermissionError) else ""
        raise Unreadable(f"cannot read {show(path)}: {error.strerror}", hint, path=path) from error
