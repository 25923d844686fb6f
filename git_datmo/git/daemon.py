"""git:// URLs: a service over TCP, whose protocol starts with one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from git_datmo.errors import DatmoError
from git_datmo.git.pktline import packet

if TYPE_CHECKING:
    import socket


def connect_daemon(url: str, program: str, version: str) -> socket.socket:
    """A connection to `program` of the server at `url`, in a version of the protocol; raises `DatmoError`."""
    import socket
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    request = f"{program} {unquote(parts.path)}\0host={parts.netloc.rpartition('@')[2]}\0"
    if version in ("1", "2"):
        request += f"\0version={version}\0"
    try:
        connection = socket.create_connection((unquote(parts.hostname or ""), parts.port or 9418))
        connection.sendall(packet(request.encode("utf-8", "surrogateescape")))
    except OSError as error:
        raise DatmoError(f"unable to connect to {parts.netloc}: {error.strerror or error}") from error
    return connection
