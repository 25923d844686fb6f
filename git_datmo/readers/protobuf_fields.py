"""Read the fields of a protocol buffer without its schema."""

from __future__ import annotations

from collections.abc import Iterator

from git_datmo.errors import Damaged

# Wire types (protobuf's documentation, "Encoding"). The types 3 and 4, groups, are deprecated.
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

Field = int | bytes


def fields(message: bytes) -> Iterator[tuple[int, Field]]:
    """Yield the number and value of each field: integers as they are, all others as bytes.

    Raises `Damaged` if a field is cut off, or has a type that is not known.
    """
    offset = 0
    while offset < len(message):
        key, offset = varint(message, offset)
        kind = key & 7
        if kind == VARINT:
            number, offset = varint(message, offset)
            yield key >> 3, number
            continue
        length = {FIXED64: 8, FIXED32: 4}.get(kind)
        if length is None:
            if kind != BYTES:
                raise Damaged("a field has a type that is not known")
            length, offset = varint(message, offset)
        if offset + length > len(message):
            raise Damaged("a field is cut off")
        yield key >> 3, message[offset : offset + length]
        offset += length


def varint(message: bytes, offset: int) -> tuple[int, int]:
    """Return the integer at `offset`, and the offset behind it."""
    value = shift = 0
    # An integer of 64 bits takes at most ten bytes with seven bits each.
    while offset < len(message) and shift < 70:
        byte = message[offset]
        value |= (byte & 0x7F) << shift
        offset, shift = offset + 1, shift + 7
        if byte < 0x80:
            return value, offset
    raise Damaged("a number is cut off")


def signed(number: int) -> int:
    """Return an integer of 64 bits with its sign."""
    return number - (1 << 64) if number >> 63 else number


def messages(message: bytes, number: int) -> Iterator[bytes]:
    """Yield the nested messages, texts or bytes of one field."""
    for found, value in fields(message):
        if found == number and isinstance(value, bytes):
            yield value


def first(message: bytes, number: int) -> bytes:
    """Return the first nested message, text or bytes of one field; b'' if it has none."""
    return next(messages(message, number), b"")


def text(message: bytes, number: int) -> str:
    """Return the first text of one field, '' if it has none."""
    return first(message, number).decode("utf-8", "replace")
