"""Connect to git:// URLs: a service over TCP, whose protocol starts with one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from git_datmo.errors import DatmoError
from git_datmo.git.pktline import packet
from git_datmo.timeouts import limit

if TYPE_CHECKING:
    import socket

PORT = 9418


def connect_daemon(
    url: str,
    program: str,
    version: str,
    *,
    family: str = "",
    tell: Callable[[str], None] | None = None,
) -> socket.socket:
    """Connect to `program` of the server at `url`, in the protocol version `version`.

    `family` is `ipv4`, `ipv6`, or '' for either. `tell` gets the parts of the lines that `git -v`
    prints about the connection. Raises `DatmoError` with git's own message.
    """
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    request = f"{program} {unquote(parts.path)}\0host={parts.netloc.rpartition('@')[2]}\0"
    # Other parameters follow one more NUL (gitprotocol-pack, "Git transport").
    if version in ("1", "2"):
        request += f"\0version={version}\0"
    connection = _connect(
        unquote(parts.hostname or ""), parts.port or PORT, family, tell or _say_nothing
    )
    try:
        connection.sendall(packet(request.encode("utf-8", "surrogateescape")))
    except OSError as error:
        connection.close()
        raise DatmoError(
            f"unable to connect to {parts.hostname}: {error.strerror or error}"
        ) from error
    return connection


def _say_nothing(_: str) -> None:
    pass


def _connect(host: str, port: int, family: str, tell: Callable[[str], None]) -> socket.socket:
    """Try each address of `host` in turn, as git does."""
    import socket

    wanted = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}.get(family, socket.AF_UNSPEC)
    tell(f"Looking up {host} ... ")
    try:
        found = socket.getaddrinfo(host, port, wanted, socket.SOCK_STREAM)
    except OSError as error:
        raise DatmoError(f"unable to look up {host} (port {port}) ({error.strerror})") from error
    tell(f"done.\nConnecting to {host} (port {port}) ... ")
    failures = []
    for number, (kind, how, protocol, _, address) in enumerate(found):
        connection = socket.socket(kind, how, protocol)
        connection.settimeout(limit())
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            failures.append(f"{host}[{number}: {address[0]}]: errno={error.strerror or error}")
            continue
        tell(f"{address[0]} done.\n")
        # From now on, the caller limits its waits.
        connection.settimeout(None)
        return connection
    raise DatmoError("\n".join((f"unable to connect to {host}:", *failures)))
