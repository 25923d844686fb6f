"""Read the framing of TFRecord files: a length, its checksum, the record, its checksum."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from git_datmo.readers.crc32c import crc32c, crc32c_all, mask

_HEADER = struct.Struct("<8sI")


@dataclass(frozen=True, slots=True)
class Framing:
    """The records of a file. `spans` are offsets and lengths of the records that are whole.

    `problem` says why the rest of the file cannot be read, or is ''. A record that is cut off at
    the end of the file is no problem, because its writer may have been killed.
    """

    spans: tuple[tuple[int, int], ...]
    problem: str = ""


def find_records(content: bytes) -> Framing:
    """Find the records of a file, and check the checksums of their lengths."""
    spans = list[tuple[int, int]]()
    # Lengths repeat, so the checksum of each length is computed only once.
    known = dict[bytes, tuple[int, int]]()
    offset, end = 0, len(content)
    # A record is framed by its length (8 bytes), and by checksums of the length and the record (4
    # each).
    while offset + 16 <= end:
        raw, stored = _HEADER.unpack_from(content, offset)
        length, checksum = known.get(raw) or (-1, -1)
        if length < 0:
            length, checksum = known[raw] = int.from_bytes(raw, "little"), mask(crc32c(raw))
        if checksum != stored:
            return Framing(tuple(spans), f"the length at byte {offset} has a wrong checksum")
        if offset + 16 + length > end:
            break
        spans.append((offset + 12, length))
        offset += 16 + length
    return Framing(tuple(spans))


def find_damaged(content: bytes, spans: Sequence[tuple[int, int]]) -> set[int]:
    """Return the indexes of the records whose content has a wrong checksum."""
    made = crc32c_all([content[offset : offset + length] for offset, length in spans])
    return {
        index
        for index, ((offset, length), crc) in enumerate(zip(spans, made, strict=True))
        if content[offset + length : offset + length + 4] != mask(crc).to_bytes(4, "little")
    }
