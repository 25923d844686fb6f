"""Serve the snapshot of an image. Runs in the image, where git-datmo has no repository."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from git_datmo.engines.resource_limits import ResourceLimits
from git_datmo.errors import DatmoError
from git_datmo.serving.event_log import EventLog, open_events
from git_datmo.serving.front_server import listen, serve
from git_datmo.serving.front_state import Front
from git_datmo.serving.placed_snapshot import PlacedSnapshot
from git_datmo.serving.serving_setup import ServingOptions, serve_placed
from git_datmo.serving_image.image_paths import PORT, SERVED, SNAPSHOT
from git_datmo.serving_image.served_document import ServedDocument, read_served

_MAX_BODY = 64 << 20


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    try:
        served = read_served(Path(SERVED).read_bytes())
        with tempfile.TemporaryDirectory(dir=_writable_folder()) as scratch:
            _serve(served, Path(scratch), os.environ)
    except DatmoError as error:
        _tell(f"fatal: {error}" + (f"\nhint: {error.hint}" if error.hint else ""))
        return error.exit_code
    return 0


def _serve(served: ServedDocument, scratch: Path, environ: Mapping[str, str]) -> None:
    """Load the model, and answer requests until a signal asks for the end."""
    # Late, since it brings along what runs need.
    from git_datmo.engines.host_engine import HostEngine

    options = ServingOptions(
        engine=HostEngine(environ),
        limits=ResourceLimits(),
        output=_pass_on,
        report=_tell,
        entry=served.entry,
        model=served.model,
        name=served.name,
        workers=_number(environ, "DATMO_WORKERS", 1),
    )
    placed = PlacedSnapshot(
        snapshot=served.snapshot,
        commit=served.commit,
        folder=Path(SNAPSHOT),
        payloads=served.payloads,
        python=served.python,
        variables=served.variables,
    )
    port = _number(environ, "DATMO_PORT", PORT)
    # Reached from outside of the container alone, by what the container's network lets in.
    listener = listen("0.0.0.0", port)  # noqa: S104
    model = serve_placed(placed, options, scratch / "worker")

    def ready() -> None:
        _tell(f"serving snapshot {model.version} as '{model.name}' at port {port}")

    front = Front(model, _MAX_BODY, _token(environ), _tell, _open_log(environ))
    asyncio.run(serve(front, listener, grace=options.seconds, on_ready=ready))


def _open_log(environ: Mapping[str, str]) -> EventLog | None:
    """Return the log of events in the folder that a variable names; None for no log."""
    folder = environ.get("DATMO_LOG", "")
    return EventLog(open_events(Path(folder)), 1.0, _tell, time.time) if folder else None


def _writable_folder() -> str:
    """Return a folder for the worker's socket; in a read-only container, one in memory."""
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:
        return "/dev/shm"  # noqa: S108


def _token(environ: Mapping[str, str]) -> str:
    """Return the token that requests need; '' for none. `@FILE` names a file with it."""
    given = environ.get("DATMO_TOKEN", "")
    if not given.startswith("@"):
        return given
    try:
        token = Path(given[1:]).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DatmoError(
            f"the token's file '{given[1:]}' cannot be read: {error}", "mount it into the container"
        ) from error
    if not token:
        raise DatmoError(f"the token's file '{given[1:]}' is empty", "write a token into it")
    return token


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    """Return a positive number of the environment."""
    text = environ.get(name, "") or str(default)
    if not text.isdecimal() or not int(text):
        raise DatmoError(f"{name} is '{text}', and not a number above 0", "correct the variable")
    return int(text)


def _pass_on(_stream: str, data: bytes) -> None:
    """Write what the worker prints to the container's log."""
    sys.stderr.buffer.write(data)
    sys.stderr.buffer.flush()


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
