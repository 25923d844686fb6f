"""Read the framing of a W&B log: chunks with checksums in blocks of 32 KiB, as LevelDB's log."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from git_datmo.errors import Damaged

MAGIC = b":W&B"
BLOCK = 32768
# The file and each chunk begin with a header of this size.
HEADER = 7
_CHUNK = struct.Struct("<IHB")
_DAMAGED, _FULL, _FIRST, _LAST = 0, 1, 2, 4


def wandb_records(content: bytes, problems: list[str]) -> Iterator[bytes]:
    """Yield the records of a log that are whole.

    A chunk with a wrong checksum is named in `problems`, and its record is left out. A record that
    is cut off at the end is left out silently, because its writer may have been killed.
    """
    if not content.startswith(MAGIC):
        raise Damaged("it is no W&B log")
    parts = list[bytes]()
    offset, damaged = HEADER, 0
    while offset + HEADER <= len(content):
        room = BLOCK - offset % BLOCK
        # Zeros fill the end of a block into which no header fits (LevelDB's log format).
        if room < HEADER:
            offset += room
            continue
        checksum, length, kind = _CHUNK.unpack_from(content, offset)
        chunk = content[offset + HEADER : offset + HEADER + length]
        # LevelDB's log format reserves zeros for files that were allocated in advance.
        if len(chunk) < length or not checksum | length | kind:
            break
        # W&B has the CRC-32 of zlib where LevelDB has CRC-32C.
        if zlib.crc32(chunk, zlib.crc32(bytes((kind,)))) != checksum:
            damaged += 1
            # The length may be damaged, too. The next block begins with a chunk of its own.
            length, kind = min(length, room - HEADER), _DAMAGED
        offset += HEADER + length
        if kind in (_FULL, _FIRST, _DAMAGED):
            parts = []
        if kind in (_FULL, _FIRST) or parts:
            parts.append(chunk)
        if kind in (_FULL, _LAST) and parts:
            yield b"".join(parts)
            parts = []
    if damaged:
        count = f"{damaged} part" + ("s" if damaged > 1 else "")
        problems.append(f"{count} with a wrong checksum left out")
