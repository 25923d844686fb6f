"""Frame the messages between server and worker: a JSON header, then raw bytes.

A frame begins with the lengths of both parts as little-endian numbers. Header `tensors` lists the
arrays in the bytes, in order: name, datatype of the Open Inference Protocol, shape, and size.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterable
from typing import Any, BinaryIO

LENGTHS = struct.Struct("<IQ")
LONGEST_HEADER = 1 << 28
_SMALL = 1 << 16


def encode_frame(header: dict[str, Any], parts: Iterable[bytes] = ()) -> list[bytes]:
    """Return a frame as a list of byte strings to write."""
    body = list(parts)
    text = json.dumps(header).encode()
    return [LENGTHS.pack(len(text), sum(map(len, body))) + text, *body]


def receive_frame(stream: BinaryIO) -> tuple[dict[str, Any], bytes]:
    """Read a frame; raise `EOFError` if the other side has closed the connection.

    `stream` is buffered, so that a small frame is one call of the system.
    """
    header, body = LENGTHS.unpack(_receive(stream, LENGTHS.size))
    # Refused before memory is taken for it: these bytes are no frame.
    if header > LONGEST_HEADER:
        raise EOFError("the frame is damaged")
    document = json.loads(_receive(stream, header))
    return document, _receive(stream, body)


def send_frame(
    connection: socket.socket, header: dict[str, Any], parts: Iterable[bytes] = ()
) -> None:
    """Write a frame. A small one is written at once, so that the other side wakes once."""
    pieces = encode_frame(header, parts)
    if sum(map(len, pieces)) <= _SMALL:
        pieces = [b"".join(pieces)]
    for piece in pieces:
        connection.sendall(piece)


def _receive(stream: BinaryIO, size: int) -> bytes:
    """Read exactly `size` bytes."""
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("the server has closed the connection")
    return data
