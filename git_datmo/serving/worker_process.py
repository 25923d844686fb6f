"""Start a worker with an engine, and ask it for predictions over a socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from git_datmo.engines.engine_contract import CONTAINER_SUPPORT, Engine, Job, Outcome, Output
from git_datmo.errors import DatmoError
from git_datmo.serving.named_tensors import NamedTensor
from git_datmo.serving.worker.frames import LENGTHS, encode_frame

PACKAGE = "package"
_CODE = Path(__file__).with_name("worker")
_START = (
    "import sys; sys.path.insert(0, {package!r}); "
    "from git_datmo.serving.worker.worker_loop import main; main({folder!r}, {number})"
)


class WorkerGone(Exception):
    """Error of a request whose worker ended before it answered."""


class ModelFailed(Exception):
    """Error of a request for which the model's code raised one. `trace` says where."""

    def __init__(self, message: str, trace: str) -> None:
        super().__init__(message)
        self.trace = trace


def write_worker_code(folder: Path) -> None:
    """Copy the worker's code into `folder`, for an environment without git-datmo."""
    top = folder / PACKAGE / "git_datmo"
    target = top / "serving" / "worker"
    target.mkdir(parents=True)
    for package in (top, top / "serving"):
        (package / "__init__.py").write_bytes(b"")
    for path in _CODE.glob("*.py"):
        (target / path.name).write_bytes(path.read_bytes())


def worker_command(python: str, folder: Path, number: int, *, isolated: bool) -> tuple[str, ...]:
    """Return the command that starts the worker of a number. `folder` has code and socket."""
    seen = CONTAINER_SUPPORT if isolated else str(folder.resolve())
    code = _START.format(package=f"{seen}/{PACKAGE}", folder=seen, number=number)
    return (python, "-c", code)


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """The settings that a worker gets over its socket.

    `entry` is `FILE.py:FUNCTION`; if it is '', the worker searches `models`. `paths` are those of
    the placed payloads, `outputs` the names of the contract's outputs. A request has `seconds`, and
    the model `load_seconds` to load. The process lowers its priority by `niceness`.
    """

    entry: str
    paths: tuple[str, ...]
    models: tuple[str, ...]
    outputs: tuple[str, ...]
    seconds: float
    load_seconds: float
    niceness: int = 0

    def document(self) -> dict[str, Any]:
        """Return the settings as a JSON object."""
        return {
            "entry": self.entry,
            "paths": list(self.paths),
            "models": list(self.models),
            "outputs": list(self.outputs),
            "load_seconds": self.load_seconds,
            "niceness": self.niceness,
        }


class Connection:
    """The socket of a worker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def receive(self) -> tuple[dict[str, Any], bytes]:
        """Read a frame; raise `WorkerGone` at the end of the stream."""
        try:
            header, body = LENGTHS.unpack(await self._reader.readexactly(LENGTHS.size))
            document = json.loads(await self._reader.readexactly(header))
            return document, await self._reader.readexactly(body)
        except (asyncio.IncompleteReadError, OSError, ValueError) as error:
            raise WorkerGone from error

    async def send(self, header: dict[str, Any], parts: Sequence[bytes] = ()) -> None:
        """Write a frame; raise `WorkerGone` if the worker has closed the socket."""
        try:
            self._writer.writelines(encode_frame(header, parts))
            await self._writer.drain()
        except OSError as error:
            raise WorkerGone from error

    def close(self) -> None:
        """Close the socket, which ends the worker."""
        with contextlib.suppress(OSError, RuntimeError):
            self._writer.close()


class WorkerProcess:
    """A process with a loaded model, which answers one request at a time.

    `gone` is set when the connection has ended. `on_free` is called when the worker can take the
    next request.
    """

    def __init__(self, settings: WorkerSettings, on_free: Callable[[WorkerProcess], None]) -> None:
        self.gone = asyncio.Event()
        self.pid = 0
        self._settings = settings
        self._on_free = on_free
        self._connected: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._connection: Connection | None = None
        self._lifeline: Connection | None = None
        self._answer: asyncio.Future[tuple[dict[str, Any], bytes]] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def launch(self, engine: Engine, job: Job, output: Output) -> None:
        """Start the process in a thread, which waits for its end."""
        loop = asyncio.get_running_loop()

        def wait() -> None:
            try:
                outcome = engine.run(job, output=output)
            except BaseException as error:  # noqa: BLE001 - the loop raises it where it is waited for
                loop.call_soon_threadsafe(self._fail, error)
            else:
                loop.call_soon_threadsafe(self._end, outcome)

        # A daemon, so that a worker that does not end cannot keep the server from ending.
        threading.Thread(target=wait, name="git-datmo-worker", daemon=True).start()

    def _fail(self, error: BaseException) -> None:
        if not self._ended.done():
            self._ended.set_exception(error)

    def _end(self, outcome: Outcome) -> None:
        if not self._ended.done():
            self._ended.set_result(outcome)

    async def accept(self, connection: Connection, hello: dict[str, Any]) -> None:
        """Take a new connection of the process; close it if there is one like it.

        The process has two: that of the requests, and one whose end kills it.
        """
        kind = hello.get("op")
        if kind == "lifeline" and self._lifeline is None:
            self._lifeline = connection
            with contextlib.suppress(WorkerGone):
                await connection.send({"op": "held"})
        elif kind == "hello" and self._connection is None:
            self._connection = connection
            self._connected.set_result(hello["pid"])
        else:
            connection.close()

    async def load(self) -> None:
        """Wait for the connection, and until the model has loaded.

        Raises `DatmoError` if the process ends before, or cannot load the model.
        """
        waiting: set[asyncio.Future[Any]] = {self._connected, self._ended}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if self._connection is None:
            # Raises the engine's error if the process could not start.
            outcome = await self._ended
            raise DatmoError(f"the worker ended with exit code {outcome.exit_code}")
        self.pid = self._connected.result()
        try:
            await self._connection.send(self._settings.document())
            header, _ = await self._connection.receive()
        except WorkerGone:
            # The stream ends before the process does, and the exit code tells more.
            outcome = await self._ended
            raise DatmoError(
                f"the worker ended with exit code {outcome.exit_code} while it loaded the model"
            ) from None
        if header["op"] == "failed":
            self._connection.close()
            raise DatmoError(f"the model cannot be loaded: {header['error']}")
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        """Pass each answer to the request that waits for it, until the worker is gone."""
        assert self._connection is not None
        try:
            while True:
                frame = await self._connection.receive()
                answer, self._answer = self._answer, None
                # The client of a request may have gone; then nothing waits.
                if answer is not None and not answer.done():
                    answer.set_result(frame)
                self._on_free(self)
        except WorkerGone:
            self.gone.set()
            self._connection.close()
            if self._answer is not None and not self._answer.done():
                self._answer.set_exception(WorkerGone())

    async def predict(self, tensors: Sequence[NamedTensor]) -> tuple[NamedTensor, ...]:
        """Return the model's answer; raise `WorkerGone` or `ModelFailed`."""
        assert self._connection is not None
        entries = [
            {"name": t.name, "datatype": t.datatype, "shape": list(t.shape), "size": len(t.data)}
            for t in tensors
        ]
        header = {"op": "predict", "id": 0, "seconds": self._settings.seconds, "tensors": entries}
        # Set before the frame is sent, so that `_read` finds it however soon the answer comes.
        answer = self._answer = asyncio.get_running_loop().create_future()
        await self._connection.send(header, [t.data for t in tensors])
        document, body = await answer
        if document["op"] == "error":
            raise ModelFailed(document["error"], document["trace"])
        found, index = [], 0
        for entry in document["tensors"]:
            data = body[index : index + entry["size"]]
            index += entry["size"]
            found.append(NamedTensor(entry["name"], entry["datatype"], tuple(entry["shape"]), data))
        return tuple(found)

    async def stop(self, seconds: float, *, can_kill: bool) -> None:
        """End the process, and kill it if it does not end within some seconds.

        With `can_kill`, its id is one of this machine; in a container, it is another.
        """
        if self._connection is not None:
            self._connection.close()
        done, _ = await asyncio.wait({self._ended}, timeout=seconds)
        if self._lifeline is not None:
            self._lifeline.close()
        if not done and self.pid and can_kill:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, 9)
        if not done:
            await asyncio.wait({self._ended}, timeout=seconds)
        if self._ended.done() and not self._ended.cancelled():
            # asyncio reports each exception that was never asked for.
            self._ended.exception()
        if self._reading is not None:
            self._reading.cancel()
