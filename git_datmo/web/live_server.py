"""Serve the page of a repository to a browser. It changes nothing but fetching content on demand.

starlette and uvicorn are the extra `ui`, and are imported when a server starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from git_datmo.errors import DatmoError
from git_datmo.report.file_kinds import MEDIA_TYPES
from git_datmo.web.fetch_events import FetchProgress
from git_datmo.web.following import TICK, Event
from git_datmo.web.live_pages import LivePages
from git_datmo.web.page_files import INDEX, SCRIPT, STYLES
from git_datmo.web.page_state import NoDocument
from git_datmo.web.request_guard import FILE_POLICY, HEADERS, POLICY, Guard

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

CLIENTS = 64
QUEUE = 1000
"""Events that wait for a browser; a browser that is slower is told to load everything."""
HEARTBEAT = 15.0
BODY_LIMIT = 4096
_FORBIDDEN = "Open the address that 'git datmo ui' printed.\n"
_TYPES = {INDEX: "text/html", SCRIPT: "text/javascript", STYLES: "text/css"}
_OID = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_Call = Callable[["Request"], Awaitable["Response"]]


@dataclass
class Clients:
    """The browsers that follow the repository."""

    queues: set[asyncio.Queue[Event | None]] = field(default_factory=set)

    def end(self) -> None:
        """End the events of all browsers."""
        for queue in self.queues:
            queue.put_nowait(None)

    def send(self, event: Event) -> None:
        """Give an event to all browsers."""
        for queue in self.queues:
            if queue.qsize() >= QUEUE:
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait({"reload": True})
            else:
                queue.put_nowait(event)


@dataclass
class PageServer:
    """The answers to the requests of the page."""

    pages: LivePages
    page: dict[str, bytes]
    guard: Guard
    clients: Clients = field(default_factory=Clients)
    _fetching: set[str] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop | None = None

    def application(self) -> Starlette:
        """Return the application for a server."""
        from starlette.applications import Starlette
        from starlette.routing import Route

        routes = [
            Route("/", self._guarded(self._index)),
            Route("/page.js", self._guarded(self._part)),
            Route("/page.css", self._guarded(self._part)),
            Route("/data/{name:path}.json", self._guarded(self._document)),
            Route("/file/{oid}", self._guarded(self._file)),
            Route("/events", self._guarded(self._events)),
            Route("/fetch", self._guarded(self._fetch), methods=["POST"]),
        ]
        return Starlette(routes=routes, lifespan=self._lifespan)

    def stop(self) -> None:
        """End the events of all browsers; called by a handler of signals, or another thread."""
        if self._loop is not None:
            # Queues of asyncio may be changed by the thread of the loop alone.
            self._loop.call_soon_threadsafe(self.clients.end)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Follow the repository while the server runs."""
        self._loop = asyncio.get_running_loop()
        task = asyncio.create_task(self._follow())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        self.pages.close()

    async def _follow(self) -> None:
        """Look at the repository twice a second while a browser follows it."""
        while True:
            await asyncio.sleep(TICK)
            # An open repository is looked at too, since `look` closes it when it is idle.
            if self.clients.queues or self.pages.is_open:
                for event in await asyncio.to_thread(self.pages.look):
                    self.clients.send(event)

    def _guarded(self, call: _Call) -> _Call:
        """Return a function that answers only requests of the person who has the token."""

        async def answer(request: Request) -> Response:
            from starlette.responses import PlainTextResponse

            # Host and origin come first: pages on other ports of this host have the cookie, too.
            host = request.headers.get("host", "")
            refused = self.guard.refuse_host(host) or self.guard.refuse_origin(
                request.headers.get("origin"), host
            )
            if not refused and not self.guard.knows(request.cookies.get(self.guard.cookie, "")):
                refused = _FORBIDDEN
                if request.url.path == "/" and self.guard.knows(
                    request.query_params.get("token", "")
                ):
                    return self._admit()
            if refused:
                response: Response = PlainTextResponse(refused, 403)
            else:
                response = await call(request)
            return _with_headers(response)

        return answer

    def _admit(self) -> Response:
        """Give the cookie, and lead to the address without the token."""
        from starlette.responses import Response

        # The address is relative, so that it holds behind a proxy under a path. So does the cookie
        # without a path, which a browser sends below the folder of this address alone.
        response = Response(status_code=303, headers={"Location": "./"})
        response.set_cookie(
            self.guard.cookie, self.guard.token, path=None, httponly=True, samesite="strict"
        )
        return _with_headers(response)

    async def _index(self, _: Request) -> Response:
        return _page_part(self.page, INDEX)

    async def _part(self, request: Request) -> Response:
        return _page_part(self.page, request.url.path.removeprefix("/"))

    async def _document(self, request: Request) -> Response:
        """Answer with a document, or say why there is none."""
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import Response

        try:
            packed = await run_in_threadpool(self.pages.document, request.path_params["name"])
        except DatmoError as error:
            return _error(error)
        tag = f'"{hashlib.sha256(packed).hexdigest()[:32]}"'
        # With `no-cache`, a browser keeps the document, and asks each time if it is still the same.
        headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
        else:
            packed = gzip.decompress(packed)
        return Response(packed, media_type="application/json", headers=headers)

    async def _file(self, request: Request) -> Response:
        """Answer with a stored file: as an image or sound of a known kind, else as a download."""
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import Response

        oid, _, suffix = request.path_params["oid"].partition(".")
        try:
            if not _OID.match(oid):
                raise NoDocument("the address has no id", "reload the page")
            content = await run_in_threadpool(self.pages.file, oid)
        except DatmoError as error:
            return _error(error)
        media = media_type(content, suffix)
        headers = {
            "Content-Security-Policy": FILE_POLICY,
            # The content follows from the id in its address, so it never changes.
            "Cache-Control": "private, max-age=31536000, immutable",
        }
        if media is None:
            # A file of another kind could be a page with scripts, so it is not shown.
            headers["Content-Disposition"] = "attachment"
        return Response(content, media_type=media or "application/octet-stream", headers=headers)

    async def _events(self, _: Request) -> Response:
        """Answer with the events of the repository until the browser leaves."""
        from starlette.responses import PlainTextResponse, StreamingResponse

        if len(self.clients.queues) >= CLIENTS:
            return PlainTextResponse("too many pages are open", 503)
        queue: asyncio.Queue[Event | None] = asyncio.Queue()

        async def events() -> AsyncIterator[str]:
            self.clients.queues.add(queue)
            try:
                # A line that begins with a colon is a comment (HTML standard, server-sent events).
                yield ": hello\n\n"
                while True:
                    try:
                        event = await asyncio.wait_for(queue.get(), HEARTBEAT)
                    except (asyncio.TimeoutError, TimeoutError):
                        yield ": still here\n\n"
                        continue
                    if event is None:
                        return
                    yield f"data: {json.dumps(event, allow_nan=False)}\n\n"
            finally:
                self.clients.queues.discard(queue)

        # nginx would hold events back until its buffer is full.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(events(), media_type="text/event-stream", headers=headers)

    async def _fetch(self, request: Request) -> Response:
        """Begin to fetch a content; events tell of its progress."""
        from starlette.responses import JSONResponse

        oid = await _requested_content(request)
        if oid is None:
            return JSONResponse({"error": 'send {"content": "ID"} as application/json'}, 400)
        # Several pages can ask for the same content, which is fetched once.
        if oid not in self._fetching:
            self._fetching.add(oid)
            task = asyncio.create_task(self._fetch_content(oid))
            # The loop itself holds tasks weakly.
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return JSONResponse({"fetch": oid}, 202)

    async def _fetch_content(self, oid: str) -> None:
        """Fetch a content, and tell the browsers how far it is."""
        loop = asyncio.get_running_loop()
        progress = FetchProgress(
            oid, lambda event: loop.call_soon_threadsafe(self.clients.send, event)
        )
        try:
            await asyncio.to_thread(self.pages.fetch, oid, progress)
            self.clients.send(progress.event(is_done=True))
        except DatmoError as error:
            self.clients.send(progress.event(error=f"{error.what}; {error.hint}"))
        finally:
            self._fetching.discard(oid)


async def _requested_content(request: Request) -> str | None:
    """Return the id in the body of a request; None for a body of another form."""
    # A page of another site cannot send this type before the browser asks this server (CORS).
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        return None
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_LIMIT:
            return None
    try:
        oid = json.loads(body)["content"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return oid if isinstance(oid, str) and _OID.match(oid) else None


def media_type(content: bytes, suffix: str) -> str | None:
    """Return the media type of a raster image or a sound by its suffix; None for anything else."""
    media = MEDIA_TYPES.get(f".{suffix.lower()}")
    # A file that begins as markup is no image, whatever its name says.
    return None if content[:64].lstrip()[:1] == b"<" else media


def _page_part(page: dict[str, bytes], name: str) -> Response:
    """Return a file of the built page."""
    from starlette.responses import Response

    headers = {"Cache-Control": "no-cache"}
    return Response(page[name], media_type=_TYPES[name], headers=headers)


def _error(error: DatmoError) -> Response:
    """Return why a document is not there."""
    from starlette.responses import JSONResponse

    content = error.content if isinstance(error, NoDocument) else ""
    status = 404 if isinstance(error, NoDocument) else 500
    document = {"error": error.what, "hint": error.hint, "content": content}
    return JSONResponse(document, status, headers={"Cache-Control": "no-store"})


def _with_headers(response: Response) -> Response:
    """Add the headers that every answer has."""
    for name, value in HEADERS:
        response.headers[name] = value
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def listen(host: str, port: int) -> socket.socket:
    """Return a socket on which a server can listen; raise `DatmoError` if the port is in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(128)
    except (OSError, OverflowError) as error:
        sock.close()
        raise DatmoError(
            f"cannot listen on port {port} of '{host}': {getattr(error, 'strerror', error)}",
            "give another '--port', or none for a free one",
        ) from None
    return sock


def make_server(server: PageServer) -> Any:
    """Return a server of uvicorn that ends the events of browsers when it is interrupted."""
    import uvicorn

    class Server(uvicorn.Server):
        """Ends the events before it waits for open requests, as they would never end."""

        def handle_exit(self, sig: int, frame: Any) -> None:
            super().handle_exit(sig, frame)
            server.stop()

    config: Any = uvicorn.Config(
        server.application(), log_level="warning", access_log=False, server_header=False,
        # Headers of a proxy are not trusted: anybody can send them.
        proxy_headers=False, ws="none", timeout_graceful_shutdown=1, loop="asyncio", http="h11",
    )  # fmt: skip
    return Server(config)


def serve(server: PageServer, sock: socket.socket) -> None:
    """Answer requests until the process is interrupted or terminated."""
    with contextlib.suppress(KeyboardInterrupt):
        make_server(server).run(sockets=[sock])


def require_libraries() -> None:
    """Raise `DatmoError` if the libraries of the server are not installed."""
    try:
        import starlette
        import uvicorn
    except ImportError:
        raise DatmoError(
            "the page is served by starlette and uvicorn, which are not installed",
            "pip install 'git-datmo[ui]', or write the page to a folder: 'git datmo ui --export"
            " DIR'",
        ) from None
    del starlette, uvicorn
