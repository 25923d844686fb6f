"""Serve the page of a repository in this process, and ask it as a browser does."""

from __future__ import annotations

import gzip
import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from git_datmo.web.live_pages import open_pages
from git_datmo.web.live_server import PageServer, listen, make_server
from git_datmo.web.request_guard import Guard
from tests.support.shell import Shell

TOKEN = "t0ken-of-the-tests"
LIMIT = 30
PAGE = {"index.html": b"<!doctype html>", "page.js": b"1", "page.css": b""}


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold an answer of the server."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """Return the JSON of the body."""
        packed = self.headers.get("content-encoding") == "gzip"
        return json.loads(gzip.decompress(self.body) if packed else self.body)


@dataclass
class Client:
    """Ask a server; each request has the cookie unless another one is given."""

    port: int
    cookie: str = field(default="")

    def __post_init__(self) -> None:
        self.cookie = self.cookie or f"datmo-{self.port}={TOKEN}"

    def ask(
        self, path: str, method: str = "GET", body: str | None = None, **headers: str | None
    ) -> Answer:
        """Return the answer to a request; a header None is left out."""
        asked = {"Cookie": self.cookie, **{n.replace("_", "-"): v for n, v in headers.items()}}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        try:
            sent = {name: value for name, value in asked.items() if value is not None}
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def load(self, name: str) -> Any:
        """Return a document."""
        answer = self.ask(f"/data/{name}.json", Accept_Encoding="gzip")
        assert answer.status == 200, answer
        return answer.document

    @contextmanager
    def events(self) -> Iterator[Iterator[dict[str, Any]]]:
        """Follow the events until the block ends."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        try:
            connection.request("GET", "/events", headers={"Cookie": self.cookie})
            answer = connection.getresponse()
            assert answer.getheader("content-type", "").startswith("text/event-stream")
            # The first line comes once the server has added this client.
            assert answer.readline() == b": hello\n"
            yield (json.loads(line[6:]) for line in answer if line.startswith(b"data: "))
        finally:
            connection.close()


@contextmanager
def serving(
    shell: Shell, *hosts: str, page: dict[str, bytes] = PAGE
) -> Iterator[tuple[Client, PageServer]]:
    """Serve the page of the repository of a shell until the block ends."""
    sock = listen("127.0.0.1", 0)
    port = sock.getsockname()[1]
    pages = open_pages(shell.env, shell.cwd)
    page_server = PageServer(pages, page, Guard(TOKEN, port, outside=hosts))
    server = make_server(page_server)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    try:
        yield Client(port), page_server
    finally:
        server.should_exit = True
        page_server.stop()
        thread.join(LIMIT)
        sock.close()
