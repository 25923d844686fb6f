"""Start the server of a clone's page, or find the one that runs already."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from git_datmo import locking
from git_datmo.permissions import make_folder
from git_datmo.repository.workspace import open_workspace
from git_datmo.web.live_pages import open_pages
from git_datmo.web.live_server import PageServer, listen, require_libraries, serve
from git_datmo.web.page_files import LIVE, read_page
from git_datmo.web.request_guard import LOOPBACK, Guard, host_names
from git_datmo.web.running_server import (
    LOCK,
    RunningServer,
    find_server,
    forget_server,
    new_server,
    note_server,
    proxied_addresses,
    ssh_line,
)

ANY = ("0.0.0.0", "::")  # noqa: S104


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Address on which a server listens; port 0 is a free one. `hosts` are names of a proxy."""

    host: str = "127.0.0.1"
    port: int = 0
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Announcement:
    """Addresses of a server on this machine and by proxies, and the command for another one."""

    address: str
    proxied: tuple[str, ...]
    ssh: str
    is_first: bool


def serve_page(
    environ: Mapping[str, str],
    folder: Path,
    options: ServerOptions,
    announce: Callable[[Announcement], object],
) -> None:
    """Serve the page of the repository around a folder until the process is interrupted.

    `announce` is called once the server listens. If a server of this clone runs already, it is
    announced, and the function returns.
    """
    require_libraries()
    page = read_page(LIVE)
    with open_workspace(environ, folder) as ws:
        make_folder(ws.shared_state)
        with locking.locked(ws.shared_state / LOCK):
            # Under the lock, so that two starts at once give one server.
            running = find_server(ws)
            if running is not None:
                announce(_announcement(environ, running, is_first=False))
                return
            sock = listen(options.host, options.port)
            running = new_server(os.getpid(), options.host, sock.getsockname()[1])
            # The socket listens already, so a second start announces an address that answers.
            note_server(ws, running)
        try:
            _serve(environ, folder, options, page, running, sock, announce)
        finally:
            sock.close()
            forget_server(ws, running)


def _serve(
    environ: Mapping[str, str],
    folder: Path,
    options: ServerOptions,
    page: dict[str, bytes],
    running: RunningServer,
    sock: socket.socket,
    announce: Callable[[Announcement], object],
) -> None:
    """Serve a page on a socket."""
    announcement = _announcement(environ, running, is_first=True)
    outside = host_names([*options.hosts, *announcement.proxied])
    guard = Guard(running.token, running.port, _own_hosts(options.host), outside)
    server = PageServer(open_pages(environ, folder), page, guard)
    announce(announcement)
    serve(server, sock)


def _own_hosts(host: str) -> tuple[str, ...]:
    """Return the names by which a browser reaches a server that listens on `host`."""
    names: Sequence[str] = (host,)
    if host in ANY:
        # A browser names one of the machine's own addresses, never the wildcard.
        name = socket.gethostname()
        names = (name, socket.getfqdn(), *_addresses(name))
    return tuple(dict.fromkeys((*LOOPBACK, *(name.lower() for name in names))))


def _addresses(name: str) -> list[str]:
    """Return the addresses of this machine, as far as it knows them."""
    with suppress(OSError):
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(name, None)})
    return []


def _announcement(
    environ: Mapping[str, str], running: RunningServer, *, is_first: bool
) -> Announcement:
    """Return how a person reaches a server."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "USER"
    line = ssh_line(environ, user, socket.gethostname(), running.port)
    proxied = proxied_addresses(environ, running.port, running.token)
    return Announcement(running.address, tuple(proxied), line, is_first)
