"""Forward connections, count their bytes, and cut them on request."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Wire:
    """Forward connections to a port of this machine. `sent` and `received` count the client's
    bytes."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.sent = self.received = self.connections = 0
        self._cut_at: int | None = None
        self._freezes = False
        self._frozen: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, size: int) -> None:
        """Forward `size` more bytes of the client; then close each connection until `mend`."""
        with self._lock:
            self._cut_at, self._freezes = self.sent + size, False

    def freeze_after(self, size: int) -> None:
        """Forward `size` more bytes of the client; then read no more from any connection."""
        with self._lock:
            self._cut_at, self._freezes = self.sent + size, True

    def mend(self) -> bool:
        """Forward everything again; return whether the cut had come."""
        with self._lock:
            bitten = self._cut_at is not None and self.sent >= self._cut_at
            self._cut_at = None
            return bitten

    def reset(self) -> None:
        with self._lock:
            self.sent = self.received = self.connections = 0

    def close(self) -> None:
        for each in (self._listener, *self._frozen):
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._forward(self._listener.accept()[0])

    def _forward(self, client: socket.socket) -> None:
        """Start to forward a connection.

        Only its two threads keep the sockets, so that they are closed when the threads end. A
        socket that is only shut down would still take the bytes of its peer.
        """
        with self._lock:
            self.connections += 1
        try:
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            client.close()
            return
        for pair in ((client, server, True), (server, client, False)):
            threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, sending: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                passed = self._count(data, sending)
                target.sendall(passed)
                if len(passed) < len(data):
                    if self._freezes:
                        self._frozen += [source, target]
                        return
                    break
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _count(self, data: bytes, sending: bool) -> bytes:
        with self._lock:
            if not sending:
                self.received += len(data)
                return data
            if self._cut_at is not None:
                data = data[: max(self._cut_at - self.sent, 0)]
            self.sent += len(data)
            return data


@contextmanager
def wire_to(port: int) -> Iterator[Wire]:
    wire = Wire(port)
    try:
        yield wire
    finally:
        wire.close()
