"""Parse the headers of pack entries (gitformat-pack, version 2)."""

from __future__ import annotations

from dataclasses import dataclass

from git_datmo.errors import Damaged
from git_datmo.model import Oid

KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
OFFSET_DELTA, REF_DELTA = 6, 7
# The longest header of an entry: type, size, and the id or distance of a delta's base.
HEAD_LIMIT = 64


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


def longest_stream(size: int) -> int:
    """Return the largest length of a zlib stream of `size` bytes, stored blocks included."""
    return size + size // 1000 + 1024


def bounded(head: Head, limit: int | None) -> Head:
    """Return `head`; raise `Damaged` for an entry of more than `limit` bytes."""
    if limit is not None and head.size > limit:
        raise Damaged(f"an object has {head.size} bytes, more than {limit}")
    return head
