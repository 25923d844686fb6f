"""Make zlib streams for pack entries.

Content that does not compress becomes stored blocks. Other content is compressed at ISA-L's fastest
level. The choice is no part of an object's id, since the id covers the content alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from isal import isal_zlib

Buffer = bytes | memoryview

SAMPLE = 1024
WORTHWHILE = 0.92
# If three samples of PINCH bytes have this many different values, the content does not compress.
PINCH = 86
DIFFERENT = 152
STORED_LIMIT = 65535
# A window of 32 KiB, no dictionary, the lowest level (RFC 1950, 2.2).
STORED_HEAD = b"\x78\x01"


class BrokenStream(Exception):
    """Bytes that are no zlib stream of the expected length."""


def deflate(content: Buffer) -> Sequence[Buffer]:
    """Return a zlib stream of `content`, in parts.

    The parts of a stored stream are slices of `content` itself.
    """
    if len(content) > 256 and not _looks_compressible(content):
        return stored(content)
    packed: bytes = isal_zlib.compress(content, 1)
    return (packed,) if len(packed) < len(content) else stored(content)


def _looks_compressible(content: Buffer) -> bool:
    """Return True if samples of the content compress."""
    # Three samples: a text header, or padding at the end, does not decide alone.
    if len(content) <= 3 * SAMPLE:
        return True
    middle = len(content) // 2
    pinch = b"".join((content[:PINCH], content[middle : middle + PINCH], content[-PINCH:]))
    # Random bytes have 163 different values on average, floating-point numbers 150. Compressing a
    # sample takes four times as long as counting.
    if len(set(pinch)) >= DIFFERENT:
        return False
    sample = b"".join((content[:SAMPLE], content[middle : middle + SAMPLE], content[-SAMPLE:]))
    return len(isal_zlib.compress(sample, 1)) < WORTHWHILE * len(sample)


def stored(content: Buffer) -> Sequence[Buffer]:
    """Return `content` in stored blocks, with zlib header and Adler-32 (RFC 1950; RFC 1951,
    3.2.4)."""
    view = memoryview(content)
    parts: list[Buffer] = [STORED_HEAD]
    # Empty content is one empty block, since only a block can be marked as the last.
    last = max(len(view) - 1, 0) // STORED_LIMIT * STORED_LIMIT
    for start in range(0, last + 1, STORED_LIMIT):
        block = view[start : start + STORED_LIMIT]
        size = len(block)
        parts.append(
            b"%c%b%b"
            % (start == last, size.to_bytes(2, "little"), (size ^ 0xFFFF).to_bytes(2, "little"))
        )
        parts.append(block)
    parts.append(isal_zlib.adler32(content).to_bytes(4, "big"))
    return parts


def unstored(stream: memoryview, size: int) -> list[tuple[int, int]] | None:
    """Return the ranges of a stream's stored blocks that hold its `size` bytes of content.

    Returns None if a block is compressed. Raises `BrokenStream` for another length or Adler-32, and
    `IndexError` if the stream ends early.
    """
    if bytes(stream[:2]) != STORED_HEAD:
        return None
    ranges: list[tuple[int, int]] = []
    offset, left, adler, last = 2, size, 1, False
    while not last:
        # Bit 0 marks the last block, bits 1 and 2 are 0 for a stored one (RFC 1951, 3.2.3).
        if stream[offset] & 6:
            return None
        last = bool(stream[offset] & 1)
        start = offset + 5
        length = int.from_bytes(stream[offset + 1 : offset + 3], "little")
        offset = start + length
        if length ^ 0xFFFF != int.from_bytes(
            stream[start - 2 : start], "little"
        ) or offset + 4 > len(stream):
            raise BrokenStream("a stored block has another length than it says")
        # The ranges are written without another check, so the checksum is compared first.
        adler = isal_zlib.adler32(stream[start:offset], adler)
        ranges.append((start, offset))
        left -= length
    if left or adler != int.from_bytes(stream[offset : offset + 4], "big"):
        raise BrokenStream("the stream has another length than its entry says, or another Adler-32")
    return ranges


def inflate(stream: Buffer, size: int, *, alone: bool = False) -> bytes:
    """Return the `size` bytes that a zlib stream holds.

    With `alone`, no bytes may follow the stream. Raises `BrokenStream` for a stream of another
    length.
    """
    machine = isal_zlib.decompressobj()
    try:
        content: bytes = machine.decompress(stream)
    except isal_zlib.error as error:  # type: ignore[misc]  # the stub gives an instance for the class
        raise BrokenStream(str(error)) from error
    if not machine.eof or len(content) != size or (alone and machine.unused_data):
        raise BrokenStream("the stream ends early or has another length than its entry says")
    return content
