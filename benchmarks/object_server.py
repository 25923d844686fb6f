"""A place for files over HTTP, which takes them by PUT: what DVC sends to and fetches from,
counted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.servers.in_thread import serve_in_thread


class ObjectServer(ThreadingHTTPServer):
    """Serves one folder on the loopback interface; counts requests and the bytes of their
    bodies."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.requests = self.bytes_in = self.bytes_out = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/store"

    def count(self, bytes_in: int, bytes_out: int) -> None:
        with self._lock:
            self.requests += 1
            self.bytes_in += bytes_in
            self.bytes_out += bytes_out

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet about clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ObjectServer

    def log_message(self, *_: object) -> None:
        """Say nothing: requests are counted."""

    @property
    def _file(self) -> Path:
        return self.server.folder / self.path.partition("?")[0].lstrip("/")

    def do_HEAD(self) -> None:
        self._give(whole=False)

    def do_GET(self) -> None:
        self._give(whole=True)

    def _give(self, *, whole: bool) -> None:
        content = self._file.read_bytes() if self._file.is_file() else None
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        sent = content if whole and content is not None else b""
        self.wfile.write(sent)
        self.server.count(0, len(sent))

    def do_PUT(self) -> None:
        content = b"".join(self._body())
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_bytes(content)
        self.server.count(len(content), 0)
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()


@contextmanager
def serve_objects(folder: Path) -> Iterator[ObjectServer]:
    with serve_in_thread(ObjectServer(folder)) as server:
        yield server
