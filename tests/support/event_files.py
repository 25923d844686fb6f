"""Write TensorBoard event files byte by byte."""

from __future__ import annotations

import struct

from git_datmo.readers.crc32c import crc32c, mask


def tfrecord(content: bytes) -> bytes:
    """Return one record with its checksums."""
    length = struct.pack("<Q", len(content))
    return length + _checksum(length) + content + _checksum(content)


def _checksum(content: bytes) -> bytes:
    return struct.pack("<I", mask(crc32c(content)))


def number(field: int, value: int) -> bytes:
    """Return a field with an integer."""
    return _varint(field << 3) + _varint(value & (1 << 64) - 1)


def real(field: int, value: float) -> bytes:
    """Return a field with a number of 32 bits."""
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def nested(field: int, content: bytes) -> bytes:
    """Return a field with bytes, a text or a message."""
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def event(time: float, step: int, *values: bytes) -> bytes:
    """Return an event of a summary."""
    summary = b"".join(nested(1, value) for value in values)
    return b"\x09" + struct.pack("<d", time) + number(2, step) + nested(5, summary)


def version_event(time: float) -> bytes:
    """Return the event with which a file begins."""
    return b"\x09" + struct.pack("<d", time) + nested(3, b"brain.Event:2")


def simple(tag: str, value: float) -> bytes:
    """Return a scalar as the first version of TensorBoard writes it."""
    return nested(1, tag.encode()) + real(2, value)


def tensor(tag: str, proto: bytes, plugin: str = "scalars") -> bytes:
    """Return a tensor with the metadata of a plugin."""
    metadata = nested(1, nested(1, plugin.encode()))
    return nested(1, tag.encode()) + nested(8, proto) + nested(9, metadata)
