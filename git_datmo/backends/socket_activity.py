"""Limit the wait of an upload by the activity of its sockets."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

# Family, type, protocol, canonical name and address of a server, as `socket.getaddrinfo` returns.
AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
# Seconds between two checks of a wait.
CHECK = 0.5


class SocketActivity:
    """The time at which any socket of a file system last transferred bytes.

    aiohttp's read timeout starts when a request has been sent completely. It does not limit the
    wait for a server that stops reading, nor the wait for the status 100 before a body.
    """

    def __init__(self) -> None:
        self._last = time.monotonic()

    def make_socket(self, address: AddressInfo) -> socket.socket:
        """Return a socket for `address` that notes its transfers: a socket factory of aiohttp."""
        family, kind, protocol, _, _ = address
        return _NotingSocket(self, family, kind, protocol)

    def note(self) -> None:
        """Record that bytes were transferred now."""
        self._last = time.monotonic()

    async def await_active(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """Return the result of `work`; cancel it after `seconds` without a transfer.

        Raises `TimeoutError` after a cancellation.
        """
        self.note()
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait({task}, timeout=min(CHECK, seconds)))[0]:
                if time.monotonic() - self._last > seconds:
                    raise TimeoutError
            return task.result()
        finally:
            task.cancel()


class _NotingSocket(socket.socket):
    """A socket that notes each transfer."""

    def __init__(self, activity: SocketActivity, family: int, kind: int, protocol: int) -> None:
        super().__init__(family, kind, protocol)
        self._activity = activity

    # asyncio calls these methods of a socket (asyncio/selector_events.py).
    def send(self, *args: Any) -> int:
        """Send bytes, as `socket.socket.send` does."""
        sent = super().send(*args)
        self._activity.note()
        return sent

    def sendmsg(self, *args: Any) -> int:
        """Send buffers, as `socket.socket.sendmsg` does."""
        sent = super().sendmsg(*args)
        self._activity.note()
        return sent

    def recv(self, *args: Any) -> bytes:
        """Receive bytes, as `socket.socket.recv` does."""
        received = super().recv(*args)
        self._activity.note()
        return received

    def recv_into(self, *args: Any) -> int:
        """Receive bytes into a buffer, as `socket.socket.recv_into` does."""
        received = super().recv_into(*args)
        self._activity.note()
        return received
