"""Run dulwich's server instead of git's, which speaks only version 0 of the git:// protocol."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn

from dulwich.server import FileSystemBackend, TCPGitServer

from tests.support.servers.in_thread import serve_in_thread


class DulwichHost(ThreadingMixIn, TCPGitServer):
    """Serve every repository of this machine by its absolute path, on the loopback interface alone.

    Git holds a connection while a hook pushes over another: each gets a thread.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(FileSystemBackend(), "127.0.0.1", 0)

    def url(self, bare: Path) -> str:
        return f"git://127.0.0.1:{self.server_address[1]}{bare}"


@contextmanager
def serve_dulwich() -> Iterator[DulwichHost]:
    with serve_in_thread(DulwichHost()) as server:
        yield server
