"""A real Git LFS server (giftless) in this process, so that what goes through it can be counted."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.servers.in_thread import serve_in_thread

KEY = "known to this process alone, and as long as HS256 wants it"
PACKAGE = "pip install -e .[test]"


def has_server() -> bool:
    return importlib.util.find_spec("giftless") is not None


class Counted:
    """A WSGI application whose requests are counted, and the bytes of their bodies."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._lock = threading.Lock()
        self.url = ""
        self.requests = self.bytes_in = self.bytes_out = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._lock:
            self.requests += 1
            self.bytes_in += int(environ.get("CONTENT_LENGTH") or 0)
        for part in self._application(environ, start_response):
            with self._lock:
                self.bytes_out += len(part)
            yield part


def any_user(_: object) -> Any:
    """Return a user that may read and write. It has a name, which the server's signature needs."""
    from giftless.auth.allow_anon import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
        read_write,
    )

    user = read_write(None)
    user.id = "any_user"
    return user


@contextmanager
def serve_lfs(folder: Path) -> Iterator[Counted]:
    """Serve objects in `folder`, to any user of this machine."""
    from giftless.app import init_app  # type: ignore[import-not-found,import-untyped,unused-ignore]
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_request(self, *_: object) -> None:
            """Say nothing: requests are counted."""

    storage = {"options": {"storage_options": {"path": str(folder)}}}
    settings = {
        "AUTH_PROVIDERS": [f"{__name__}:any_user"],
        "TRANSFER_ADAPTERS": {"basic": storage},
        "PRE_AUTHORIZED_ACTION_PROVIDER": {"options": {"private_key": KEY}},
        "LEGACY_ENDPOINTS": False,
    }
    counted = Counted(init_app(additional_config=settings))
    server = make_server("127.0.0.1", 0, counted, threaded=True, request_handler=Quiet)
    counted.url = f"http://127.0.0.1:{server.server_port}/team/data.git/info/lfs"
    with serve_in_thread(server):
        yield counted
