"""Run a web server for the files of a folder, which asks for a password and knows an endless
file."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.servers.in_thread import serve_in_thread


class FileHost(ThreadingHTTPServer):
    """Serve the files of a folder on the loopback interface.

    With a `password`, a request needs it for the user `alex`. A file whose path ends with `endless`
    has no end. The first answer for a path that ends with `cut` breaks off. `asked` has the paths of
    all requests.
    """

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
        self.password = ""
        self.endless = ""
        self.cut = ""
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        """Return the address of the folder."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(SimpleHTTPRequestHandler):
    server: FileHost

    def log_message(self, *_: object) -> None:
        """Say nothing: the requests are recorded."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        words = f"alex:{self.server.password}".encode()
        expected = f"Basic {base64.b64encode(words).decode()}"
        if self.server.password and self.headers.get("Authorization") != expected:
            self.send_error(401)
        elif self.server.endless and self.path.endswith(self.server.endless):
            self._send_without_end()
        elif self.server.cut and self.path.endswith(self.server.cut):
            self.server.cut = ""
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"fi")
        else:
            super().do_GET()

    def _send_without_end(self) -> None:
        self.send_response(200)
        self.end_headers()
        with suppress(ConnectionError):
            while True:
                self.wfile.write(bytes(1 << 16))


@contextmanager
def serve_files(folder: Path) -> Iterator[FileHost]:
    """Serve the files of a folder until the end of the block."""
    with serve_in_thread(FileHost(folder)) as host:
        yield host
