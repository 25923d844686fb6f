"""Make packs entry by entry."""

from __future__ import annotations


def entry(number: int, size: int, body: bytes) -> bytes:
    """Return an entry of any type, valid or not."""
    head, rest = bytearray(), size >> 4
    byte = number << 4 | size & 15
    while rest:
        head.append(byte | 0x80)
        byte, rest = rest & 0x7F, rest >> 7
    return bytes([*head, byte]) + body
