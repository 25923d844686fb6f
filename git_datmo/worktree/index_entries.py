"""Encode and decode entries of a git index (gitformat-index, version 2)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from git_datmo.git.object_encoding import BLOB, EXECUTABLE, LINK
from git_datmo.model import ObjectFormat

if TYPE_CHECKING:
    from git_datmo.objects.ingest import FileRead

STAT = struct.Struct(">10I")
MODES = frozenset((BLOB, EXECUTABLE, LINK))
# Git keeps the low 32 bits of each field of stat (gitformat-index).
_MASK = 0xFFFFFFFF
# Bytes before the path of an entry, without the id.
_FIXED = 42
_MODE = slice(24, 28)
_CHANGED = 8
_SECONDS = struct.Struct(">I4xI")


def encode(file: FileRead, form: ObjectFormat) -> bytes:
    """Return the entry of a file that was read or written."""
    return _padded(
        _encode_stat(file.stat, file.node.kind.mode) + file.mark(form) + named(file.path)
    )


def _encode_stat(info: os.stat_result, mode: int) -> bytes:
    """Return the stat fields of an entry."""
    changed, modified = divmod(info.st_ctime_ns, 10**9), divmod(info.st_mtime_ns, 10**9)
    return STAT.pack(
        *(changed[0] & _MASK, changed[1], modified[0] & _MASK, modified[1], info.st_dev & _MASK),
        *(info.st_ino & _MASK, mode, info.st_uid, info.st_gid, info.st_size & _MASK),
    )


def seconds(entry: bytes) -> tuple[int, int]:
    """Return the times of status change and modification, in seconds modulo 2^32."""
    changed, modified = _SECONDS.unpack_from(entry)
    return changed, modified


def has_stat(entry: bytes, info: os.stat_result) -> bool:
    """Return True if `info` equals the stat in the entry, to the nanosecond.

    The mode is not compared.
    """
    mode = int.from_bytes(entry[_MODE], "big")
    return entry[: STAT.size] == _encode_stat(info, mode)


def doubted(entry: bytes) -> bytes:
    """Return the entry without its time of status change.

    git then treats the file as changed and compares its content. git itself clears the size
    (racy-git). Keeping the size still detects files of another size.
    """
    return bytes(_CHANGED) + entry[_CHANGED:]


def is_doubted(entry: bytes) -> bool:
    """Return True if the entry is marked as doubtful."""
    return not any(entry[:_CHANGED])


def encode_gone(path: bytes, form: ObjectFormat) -> bytes:
    """Return the special entry for a removed file. It is never written to an index."""
    return _padded(bytes(STAT.size + form.size) + named(path))


def is_gone(entry: bytes) -> bool:
    """Return True if the entry marks a removed file."""
    return not any(entry[_MODE])


def _padded(entry: bytes) -> bytes:
    """Return the entry padded with zero bytes to a multiple of 8."""
    # At least one NUL ends the path (gitformat-index).
    return entry + b"\0" * (8 - len(entry) % 8)


def named(path: bytes) -> bytes:
    """Return the length and path at the end of an entry, without padding."""
    # Longer paths have the greatest length, and end at the NUL (gitformat-index).
    return min(len(path), 0xFFF).to_bytes(2, "big") + path


def path_of(entry: bytes, form: ObjectFormat) -> bytes:
    """Return the path of an entry."""
    start = _FIXED + form.size
    return entry[start : entry.index(b"\0", start)]


def split_entries(blocks: Iterator[bytes], form: ObjectFormat) -> Iterator[tuple[bytes, bytes]]:
    """Yield the path and bytes of each entry in `blocks`, which has entries without gaps.

    Stop at the first incomplete entry.
    """
    fixed = _FIXED + form.size
    raw = b""
    for block in blocks:
        raw += block
        place = 0
        # An entry is complete if its path ends and its padding fits in the buffer.
        while (end := raw.find(b"\0", place + fixed)) >= 0:
            size = (end - place + 8) & ~7
            if place + size > len(raw):
                break
            yield raw[place + fixed : end], raw[place : place + size]
            place += size
        raw = raw[place:]
