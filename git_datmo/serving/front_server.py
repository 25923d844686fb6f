"""Run the HTTP server until a signal asks for its end."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from git_datmo.errors import DatmoError, UsageError
from git_datmo.serving.front_app import make_app
from git_datmo.serving.front_state import Front

if TYPE_CHECKING:
    import uvicorn

Companion = Callable[[], Coroutine[Any, Any, None]]
"""Work beside the answers, from the start until it is cancelled."""

ENDING = (signal.SIGINT, signal.SIGTERM)


def require_libraries() -> None:
    """Raise `UsageError` if the libraries of the extra `serve` are not installed."""
    try:
        for name in ("starlette", "uvicorn"):
            importlib.import_module(name)
    except ImportError as error:
        raise UsageError(
            f"serving needs the package '{error.name}'",
            "pip install 'git-datmo[serve]'",
        ) from None


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address; raise `DatmoError` if that is not possible."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        # asyncio sends small answers at once only on sockets that name TCP as their protocol.
        # Otherwise, the body of an answer waits for the client's delayed acknowledgement.
        listener = socket.socket(family, kind, protocol)
        # Old connections of a server that has ended would hold the port for a minute or more.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise DatmoError(
            f"cannot listen at {host}:{port}: {error.strerror or error}",
            "give another --port, or --port 0 for a free one",
        ) from error
    listener.listen(1024)
    return listener


async def serve(
    front: Front,
    listener: socket.socket,
    *,
    grace: float,
    on_ready: Callable[[], None],
    companions: Sequence[Companion] = (),
) -> None:
    """Load the model, and answer requests until SIGTERM or SIGINT.

    The companions start when the model has loaded, and end after the last request. At the signal,
    the running requests have `grace` seconds.
    Raises `DatmoError` if the model does not load.
    """
    server = _make_server(front, grace)
    loop = asyncio.get_running_loop()

    def end() -> None:
        # The second signal does not wait for running requests.
        server.force_exit = front.is_ending
        front.is_ending = server.should_exit = True

    for number in ENDING:
        loop.add_signal_handler(number, end)
    # The server answers while the model loads, so that a probe finds it alive, but not ready.
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    loading = asyncio.create_task(front.model.start())
    beside: list[asyncio.Task[None]] = []
    try:
        await asyncio.wait({serving, loading}, return_when=asyncio.FIRST_COMPLETED)
        if loading.done():
            # Raises the error of a model that did not load.
            loading.result()
            on_ready()
            beside += [asyncio.create_task(companion()) for companion in companions]
            await serving
    finally:
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await front.model.stop()
        for number in ENDING:
            loop.remove_signal_handler(number)


def _make_server(front: Front, grace: float) -> uvicorn.Server:
    import uvicorn

    class SignalFreeServer(uvicorn.Server):
        """A server that leaves signals to its caller."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Leave all handlers as they are."""
            yield

    config = uvicorn.Config(
        make_app(front),
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=max(1, round(grace)),
    )
    return SignalFreeServer(config)
