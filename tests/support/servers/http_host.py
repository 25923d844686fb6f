"""Run git's smart HTTP server behind a small real one, which streams both ways, counts bytes, and
fails on request."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.servers.cgi import STEP, CgiChild, CutError, Headers
from tests.support.servers.faults import Fault, Faults, Side
from tests.support.servers.in_thread import serve_in_thread
from tests.support.shell import serving


@dataclass
class Exchange:
    """Record one request and its answer, by the bytes of their bodies on the wire."""

    method: str
    path: str
    status: int = 0
    bytes_in: int = 0
    bytes_out: int = 0


class HttpHost(ThreadingHTTPServer):
    """Serve every repository of this machine by its absolute path, on the loopback interface
    alone."""

    daemon_threads = True
    name = "http"

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.env = serving(env)
        self.environ: Mapping[str, str] = {}
        self.exchanges: list[Exchange] = []
        self.faults = Faults()
        self.children: set[CgiChild] = set()
        self.speaks_v2 = True
        # A request that is larger gets this status, or no answer where that is 0, as from a proxy
        # that reads it whole.
        self.largest: int | None = None
        self.status_of_large = 413

    def url(self, bare: Path) -> str:
        """Return the address of a repository, and let it accept pushes over HTTP."""
        allow = ["git", "-C", str(bare), "config", "http.receivepack", "true"]
        subprocess.run(allow, env=self.env, check=True, capture_output=True)
        return f"http://127.0.0.1:{self.server_port}{bare}"

    def cut_after(self, n_bytes: int, side: Side = "response", *, path: str = "") -> Fault:
        """Drop the connection of the next request whose body (or answer) has more than
        `n_bytes`."""
        return self.faults.add(Fault(side, path, cut_at=n_bytes))

    def fail_post(self, status: int, *, path: str = "") -> Fault:
        """Answer the next POST with a status alone."""
        return self.faults.add(Fault("request", path, status=status))

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet about clients that went away: cut connections are what these tests make; say
        what else failed."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HttpHost
    exchange: Exchange
    chunked_answer = False

    def log_message(self, *_: object) -> None:
        """Say nothing: the exchanges are recorded."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.exchange = Exchange(self.command, self.path)
        self.server.exchanges.append(self.exchange)
        status = self.server.faults.take_status(self.path) if self.command == "POST" else 0
        try:
            if status:
                # An answer sent over an unread body is lost to the reset that follows.
                for _ in self._body():
                    pass
                self.exchange.status = status
                self.send_error(status)
            else:
                self._run()
        except (CutError, ConnectionError):
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        body = self._body()
        if self.server.largest is not None:
            body = iter(list(body))
            if self.exchange.bytes_in > self.server.largest:
                self._refuse_large(self.server.status_of_large)
                return
        child = CgiChild(["git", "http-backend"], self._cgi_environment())
        self.server.children.add(child)
        try:
            child.bridge(body, self._start, self._send)
            if self.chunked_answer:
                self.wfile.write(b"0\r\n\r\n")
        finally:
            child.end()
            self.server.children.discard(child)

    def _refuse_large(self, status: int) -> None:
        if not status:
            raise CutError
        self.exchange.status = status
        self.send_error(status)

    def _body(self) -> Iterator[bytes]:
        """Return the request's body as sent (possibly compressed), without the framing of
        chunks."""
        for size in self._sizes():
            left = size
            while left:
                data = self.rfile.read(min(left, STEP))
                if not data:
                    raise CutError
                left -= len(data)
                passing = self.server.faults.allowed(
                    "request", self.path, self.exchange.bytes_in, len(data)
                )
                self.exchange.bytes_in += passing
                yield data[:passing]
                if passing < len(data):
                    raise CutError

    def _sizes(self) -> Iterator[int]:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield int(self.headers.get("Content-Length") or 0)
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield size
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _start(self, status: int, headers: Headers) -> None:
        self.exchange.status = status
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.chunked_answer = not any(name.lower() == "content-length" for name, _ in headers)
        if self.chunked_answer:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _send(self, data: bytes) -> None:
        passing = self.server.faults.allowed(
            "response", self.path, self.exchange.bytes_out, len(data)
        )
        part = data[:passing]
        self.exchange.bytes_out += passing
        if part:
            self.wfile.write(b"%x\r\n%s\r\n" % (passing, part) if self.chunked_answer else part)
        if passing < len(data):
            raise CutError

    def _cgi_environment(self) -> dict[str, str]:
        path, _, query = self.path.partition("?")
        sent = {
            "CONTENT_TYPE": self.headers.get("Content-Type"),
            "CONTENT_LENGTH": self.headers.get("Content-Length"),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding"),
            "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol"),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol"),
        }
        if not self.server.speaks_v2:
            sent = {
                name: value for name, value in sent.items() if not name.endswith("GIT_PROTOCOL")
            }
        return {
            **self.server.env,
            **{name: value for name, value in sent.items() if value},
            "GIT_PROJECT_ROOT": "/",
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REMOTE_ADDR": self.client_address[0],
            "SERVER_PROTOCOL": self.request_version,
        }


@contextmanager
def serve_http(env: Mapping[str, str]) -> Iterator[HttpHost]:
    server = HttpHost(env)
    try:
        with serve_in_thread(server):
            yield server
    finally:
        for child in tuple(server.children):
            child.end()
