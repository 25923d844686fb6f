"""Entries of a git index (gitformat-index, version 2), and streams of them."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from git_datmo.git.objects import BLOB, EXECUTABLE, LINK
from git_datmo.model import ObjectFormat

if TYPE_CHECKING:
    from git_datmo.store.ingest import Taken

STAT = struct.Struct(">10I")
MODES = frozenset((BLOB, EXECUTABLE, LINK))
_MASK = 0xFFFFFFFF
# What stands before an entry's path, less the id.
_FIXED = 42
_MODE = slice(24, 28)
_CHANGED = 8
_SECONDS = struct.Struct(">I4xI")


def encode(file: Taken, form: ObjectFormat) -> bytes:
    """The entry of a file as it was read or written."""
    return _padded(_encode_stat(file.stat, file.node.kind.mode) + file.mark(form) + named(file.path))


def _encode_stat(info: os.stat_result, mode: int) -> bytes:
    changed, modified = divmod(info.st_ctime_ns, 10**9), divmod(info.st_mtime_ns, 10**9)
    return STAT.pack(
        *(changed[0] & _MASK, changed[1], modified[0] & _MASK, modified[1], info.st_dev & _MASK),
        *(info.st_ino & _MASK, mode, info.st_uid, info.st_gid, info.st_size & _MASK),
    )


def seconds(entry: bytes) -> tuple[int, int]:
    """Return the seconds in which the entry's file was changed and modified, modulo 2^32."""
    changed, modified = _SECONDS.unpack_from(entry)
    return changed, modified


def has_stat(entry: bytes, info: os.stat_result) -> bool:
    """Tell whether a file's stat is the entry's, to the nanosecond; its mode counts with the content."""
    mode = int.from_bytes(entry[_MODE], "big")
    return entry[: STAT.size] == _encode_stat(info, mode)


def doubted(entry: bytes) -> bytes:
    """Return the entry without its time of change: git then takes the file for changed, so its content is looked at.

    Git itself takes the size away (racy-git), which still tells that a file of another size is another.
    """
    return bytes(_CHANGED) + entry[_CHANGED:]


def is_doubted(entry: bytes) -> bool:
    return not any(entry[:_CHANGED])


def encode_gone(path: bytes, form: ObjectFormat) -> bytes:
    """What stands among entries for a file that is gone; no index holds it."""
    return _padded(bytes(STAT.size + form.size) + named(path))


def is_gone(entry: bytes) -> bool:
    return not any(entry[_MODE])


def _padded(entry: bytes) -> bytes:
    return entry + b"\0" * (8 - len(entry) % 8)


def named(path: bytes) -> bytes:
    """The end of an entry, less its padding."""
    return min(len(path), 0xFFF).to_bytes(2, "big") + path


def path_of(entry: bytes, form: ObjectFormat) -> bytes:
    start = _FIXED + form.size
    return entry[start : entry.index(b"\0", start)]


def split_entries(blocks: Iterator[bytes], form: ObjectFormat) -> Iterator[tuple[bytes, bytes]]:
    """The entries that stand one behind the other in `blocks`, each with its path; what is no whole one ends them."""
    fixed = _FIXED + form.size
    raw = b""
    for block in blocks:
        raw += block
        place = 0
        # An entry is surely whole where its path ends and its padding fits.
        while (end := raw.find(b"\0", place + fixed)) >= 0:
            size = (end - place + 8) & ~7
            if place + size > len(raw):
                break
            yield raw[place + fixed : end], raw[place : place + size]
            place += size
        raw = raw[place:]
