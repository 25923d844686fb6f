"""Serve documents to the page as the live server does: JSON, events, and a strict policy."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.page_documents import DIST, Document
from tests.support.servers.in_thread import serve_in_thread

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'"
)
_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "png": "image/png"}


class LiveDocuments:
    """Hold the answers of a server to the page; a test may change them."""

    def __init__(self, documents: dict[str, Document], blobs: dict[str, bytes]) -> None:
        self.documents = documents
        self.blobs = {name.partition(".")[0]: content for name, content in blobs.items()}
        self.events: queue.Queue[Document | None] = queue.Queue()
        self.posted: list[Any] = []

    def send(self, event: Document) -> None:
        """Send an event to the page, twice: a connection that has ended may take one of them."""
        self.events.put(event)
        self.events.put(event)

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Return status, media type and content for a path."""
        name = path.lstrip("/") or "index.html"
        if name.startswith("data/"):
            document = self.documents.get(name.removeprefix("data/").removesuffix(".json"))
            missing = {"error": "this is not here", "hint": "fetch it", "content": "c" * 40}
            body = json.dumps(missing if document is None else document).encode()
            return (404 if document is None else 200), "application/json", body
        if name.startswith("file/"):
            return 200, "image/png", self.blobs[name.removeprefix("file/")]
        return 200, _TYPES[name.rpartition(".")[2]], (DIST / name).read_bytes()


@contextmanager
def serve_documents(live: LiveDocuments) -> Iterator[str]:
    """Serve documents on the loopback address; yield the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _make_handler(live))
    server.daemon_threads = True
    with serve_in_thread(server):
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            for _ in range(3):
                live.events.put(None)


def _make_handler(live: LiveDocuments) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answer one request."""

        def do_GET(self) -> None:
            if self.path == "/events":
                self._stream()
            else:
                self._send(*live.answer(self.path))

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            live.posted.append(json.loads(self.rfile.read(length)))
            self._send(200, "application/json", b"{}")

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def _stream(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.flush()
            while (event := live.events.get()) is not None:
                self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
                self.wfile.flush()

        def log_message(self, *_words: object) -> None:
            """Print nothing."""

    return Handler
