"""Run servers that stay silent: one that accepts and never answers, and a wire that freezes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def serve_mute() -> Iterator[int]:
    """Yield the port of a server that accepts every connection and sends nothing."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    taken.append(server.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
    for connection in taken:
        connection.close()


class FreezingWire:
    """Forward connections to a port of this machine, and freeze those that transferred a number of
    bytes.

    A frozen connection stays open, and nothing passes any more. After `times` freezes, all passes.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._limit = 0
        self._times = 0
        self.frozen = 0
        self.passed = 0
        self._held: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze_after(self, size: int, *, times: int) -> None:
        """Freeze each of the next connections once `size` bytes have passed in one direction."""
        with self._lock:
            self._limit, self._times, self.frozen, self.passed = size, times, 0, 0

    def close(self) -> None:
        for each in (self._listener, *self._held):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._held += [near, far]
                state = {"frozen": False}
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(*pair, state), daemon=True).start()

    def _pass_on(
        self, source: socket.socket, target: socket.socket, state: dict[str, bool]
    ) -> None:
        done = 0
        with suppress(OSError):
            while data := source.recv(1 << 16):
                done += len(data)
                if self._is_frozen(done, state):
                    return
                target.sendall(data)
                with self._lock:
                    self.passed += len(data)
        if not state["frozen"]:
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR)

    def _is_frozen(self, done: int, state: dict[str, bool]) -> bool:
        with self._lock:
            if not state["frozen"] and self.frozen < self._times and done > self._limit:
                state["frozen"] = True
                self.frozen += 1
            return state["frozen"]


@contextmanager
def freezing_wire_to(port: int) -> Iterator[FreezingWire]:
    wire = FreezingWire(port)
    try:
        yield wire
    finally:
        wire.close()
