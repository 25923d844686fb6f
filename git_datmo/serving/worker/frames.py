"""Frame the messages between server and worker: a JSON header, then raw bytes.

A frame begins with the lengths of both parts as little-endian numbers. Header `tensors` lists the
arrays in the bytes, in order: name, datatype of the Open Inference Protocol, shape, and size.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterable
from typing import Any

LENGTHS = struct.Struct("<IQ")
LONGEST_HEADER = 1 << 28
_READ = 1 << 20


def encode_frame(header: dict[str, Any], parts: Iterable[bytes] = ()) -> list[bytes]:
    """Return a frame as a list of byte strings to write."""
    body = list(parts)
    text = json.dumps(header).encode()
    return [LENGTHS.pack(len(text), sum(map(len, body))) + text, *body]


def receive_frame(connection: socket.socket) -> tuple[dict[str, Any], bytes]:
    """Read a frame; raise `EOFError` if the other side has closed the connection."""
    header, body = LENGTHS.unpack(_receive(connection, LENGTHS.size))
    # Refused before memory is taken for it: these bytes are no frame.
    if header > LONGEST_HEADER:
        raise EOFError("the frame is damaged")
    document = json.loads(_receive(connection, header))
    return document, _receive(connection, body)


def send_frame(
    connection: socket.socket, header: dict[str, Any], parts: Iterable[bytes] = ()
) -> None:
    """Write a frame."""
    for piece in encode_frame(header, parts):
        connection.sendall(piece)


def _receive(connection: socket.socket, size: int) -> bytes:
    """Read exactly `size` bytes."""
    buffer = bytearray(size)
    view, done = memoryview(buffer), 0
    while done < size:
        count = connection.recv_into(view[done:], min(size - done, _READ))
        if not count:
            raise EOFError("the server has closed the connection")
        done += count
    return bytes(buffer)
