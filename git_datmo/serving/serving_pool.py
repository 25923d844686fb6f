"""Keep the workers of a snapshot running, and give each request to a free one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from git_datmo.engines.engine_contract import Engine, Job, Output
from git_datmo.errors import DatmoError
from git_datmo.serving.named_tensors import NamedTensor, RefusedRequest
from git_datmo.serving.row_batches import RowBatcher, rows_of
from git_datmo.serving.worker.worker_loop import SOCKET
from git_datmo.serving.worker_process import (
    Connection,
    WorkerGone,
    WorkerProcess,
    WorkerSettings,
)

# Seconds before a worker that died is replaced: doubled after each further death.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 30.0
# Seconds after which a worker no longer counts as one that dies at its start.
HEALTHY = 60.0
# Seconds that a worker has to end.
GRACE = 5.0


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """The engine, the job of a worker's number, and limits.

    At most `queue` requests wait for a worker. Rows of several requests, `batch` at most, are given
    to the model in one call. `folder` has the socket, and the worker's code.
    `report` gets lines about workers that die.
    """

    engine: Engine
    job: Callable[[int], Job]
    settings: WorkerSettings
    folder: Path
    output: Output
    report: Callable[[str], None]
    workers: int = 1
    queue: int = 64
    batch: int = 1


class ServingPool:
    """Workers that hold the same model. `deaths` counts those that ended by themselves."""

    def __init__(self, options: PoolOptions) -> None:
        self.options = options
        self.deaths = 0
        self._idle: deque[WorkerProcess] = deque()
        self._waiting: deque[asyncio.Future[WorkerProcess]] = deque()
        self._starting: dict[int, WorkerProcess] = {}
        self._running: dict[int, WorkerProcess] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._server: asyncio.Server | None = None
        self._busy = 0
        self._batcher = RowBatcher(
            options.batch, options.queue, options.workers, self._wait_for_worker, self._release
        )

    @property
    def alive(self) -> int:
        """Return the number of workers whose model is loaded."""
        return len(self._running)

    @property
    def pids(self) -> tuple[int, ...]:
        """Return the process ids of the workers, as they know them themselves."""
        return tuple(worker.pid for worker in self._running.values())

    @property
    def waiting(self) -> int:
        """Return the number of requests that wait for a worker."""
        return len(self._waiting) + self._batcher.waiting

    @property
    def in_flight(self) -> int:
        """Return the number of requests that a worker has or that wait for one."""
        return self._busy

    async def start(self) -> None:
        """Start all workers; raise `DatmoError` if one of them cannot load the model."""
        self._server = await asyncio.start_unix_server(
            self._meet, sock=_listen(self.options.folder)
        )
        starts = [asyncio.create_task(self._start(n)) for n in range(self.options.workers)]
        try:
            loaded = await asyncio.gather(*starts)
        except BaseException:
            for task in starts:
                task.cancel()
            # Each start that is cancelled stops its own worker, so their ends are awaited.
            await asyncio.gather(*starts, return_exceptions=True)
            await self.stop()
            raise
        self._keepers = [
            asyncio.create_task(self._keep(number, worker)) for number, worker in enumerate(loaded)
        ]

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Give a new connection to the worker that it is of."""
        connection = Connection(reader, writer)
        try:
            hello, _ = await connection.receive()
        except WorkerGone:
            connection.close()
            return
        worker = self._starting.get(hello.get("number", -1))
        if worker is None:
            connection.close()
            return
        await worker.accept(connection, hello)

    async def _start(self, number: int) -> WorkerProcess:
        """Start a worker, and wait until its model is loaded."""
        options = self.options
        worker = WorkerProcess(options.settings, self._release)
        self._starting[number] = worker
        worker.launch(options.engine, options.job(number), options.output)
        try:
            # The worker limits the loading itself; this holds if it cannot even start.
            await asyncio.wait_for(worker.load(), options.settings.load_seconds + 60)
        except asyncio.TimeoutError:
            await self._stop_worker(worker)
            raise DatmoError("the worker did not start in time") from None
        except BaseException:
            await self._stop_worker(worker)
            raise
        finally:
            # A later connection that names this number is refused.
            del self._starting[number]
        self._running[number] = worker
        self._release(worker)
        return worker

    async def _stop_worker(self, worker: WorkerProcess) -> None:
        isolated = self.options.engine.capabilities.isolated
        await worker.stop(GRACE, can_kill=not isolated)

    async def _keep(self, number: int, first: WorkerProcess) -> None:
        """Replace the worker of a number whenever it dies, after a pause that grows."""
        worker, pause = first, FIRST_PAUSE
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await worker.gone.wait()
            self._running.pop(number, None)
            self.deaths += 1
            if loop.time() - began > HEALTHY:
                pause = FIRST_PAUSE
            self.options.report(f"worker {number + 1} ended; starting another in {pause:g} s")
            # `gone` says that the connection has ended; the process may still run.
            await self._stop_worker(worker)
            while True:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                try:
                    worker = await self._start(number)
                    break
                except DatmoError as error:
                    self.options.report(f"worker {number + 1} did not start: {error.what}")

    def _release(self, worker: WorkerProcess) -> None:
        """Give a worker without a request to the next one that waits."""
        while self._waiting:
            # A cancelled request leaves the queue only when its task runs next.
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(worker)
                return
        self._idle.append(worker)

    async def _acquire(self) -> WorkerProcess:
        """Return a free worker; raise `RefusedRequest` if too many requests wait."""
        if not self._idle and len(self._waiting) >= self.options.queue:
            raise RefusedRequest(
                "too many requests wait for a worker", status=503, headers={"Retry-After": "1"}
            )
        return await self._wait_for_worker()

    async def _wait_for_worker(self) -> WorkerProcess:
        """Return a worker that is free, or the next one that becomes free."""
        while self._idle:
            worker = self._idle.popleft()
            if not worker.gone.is_set():
                return worker
        future: asyncio.Future[WorkerProcess] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            worker = await future
        except asyncio.CancelledError:
            with contextlib.suppress(ValueError):
                self._waiting.remove(future)
            # The worker was given just before the request was cancelled, so nothing else returns
            # it.
            if future.done() and not future.cancelled():
                self._release(future.result())
            raise
        # It may have died after it was released.
        return await self._wait_for_worker() if worker.gone.is_set() else worker

    async def predict(self, tensors: Sequence[NamedTensor]) -> tuple[NamedTensor, ...]:
        """Return the model's answer.

        Raises `ModelFailed` for an error of the model's code. Raises `RefusedRequest` if the queue
        is full, the worker died, or the time is over.
        """
        self._busy += 1
        try:
            # A worker is not stopped at the limit: it limits its own time, and is free after its
            # answer.
            return await asyncio.wait_for(self._ask(tensors), self.options.settings.seconds)
        except asyncio.TimeoutError:
            seconds = self.options.settings.seconds
            raise RefusedRequest(
                f"the model did not answer within {seconds:g} s", status=504
            ) from None
        except WorkerGone:
            raise RefusedRequest(
                "the worker ended before it answered", status=503, headers={"Retry-After": "1"}
            ) from None
        finally:
            self._busy -= 1

    async def _ask(self, tensors: Sequence[NamedTensor]) -> tuple[NamedTensor, ...]:
        rows = rows_of(tensors)
        if self.options.batch > 1 and rows:
            return await self._batcher.predict(tuple(tensors), rows)
        worker = await self._acquire()
        return await worker.predict(tensors)

    async def stop(self) -> None:
        """End all workers."""
        # Keepers end first: they would replace the workers that are stopped.
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*map(self._stop_worker, self._running.values()))
        self._running.clear()
        if self._server is not None:
            self._server.close()
        with contextlib.suppress(FileNotFoundError):
            (self.options.folder / SOCKET).unlink()


def _listen(folder: Path) -> socket.socket:
    """Return a listening socket in `folder`.

    An address has at most 107 bytes, so the folder is named by its descriptor where that is
    possible.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    fd = os.open(folder, os.O_RDONLY)
    try:
        short = f"/proc/self/fd/{fd}"
        listener.bind(f"{short if os.path.isdir(short) else folder}/{SOCKET}")
    finally:
        os.close(fd)
    # A container's command is nobody. The folder above lets no other user in.
    (folder / SOCKET).chmod(0o666)
    listener.listen(64)
    listener.setblocking(False)
    return listener
