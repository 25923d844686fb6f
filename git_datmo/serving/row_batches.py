"""Unite waiting requests whose rows are independent, so that a model answers them in one call."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from git_datmo.serving.named_tensors import NamedTensor, RefusedRequest
from git_datmo.serving.worker_process import ModelFailed, WorkerProcess

Tensors = tuple[NamedTensor, ...]
Signature = tuple[tuple[str, str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class WaitingRequest:
    """A request that waits for its answer."""

    tensors: Tensors
    rows: int
    answer: asyncio.Future[Tensors]

    @property
    def signature(self) -> Signature:
        """Return what must be the same in requests that are united."""
        return tuple((t.name, t.datatype, t.shape[1:]) for t in self.tensors)


def rows_of(tensors: Sequence[NamedTensor]) -> int:
    """Return the number of rows of a request; 0 if its arrays have different numbers or none."""
    counts = {tensor.rows for tensor in tensors}
    return counts.pop() or 0 if len(counts) == 1 else 0


def unite_rows(requests: Sequence[Tensors]) -> Tensors:
    """Return the arrays of several requests with the same signature, one below the other."""
    united = []
    for parts in zip(*requests, strict=True):
        first, rows = parts[0], sum(part.shape[0] for part in parts)
        data = b"".join(part.data for part in parts)
        united.append(NamedTensor(first.name, first.datatype, (rows, *first.shape[1:]), data))
    return tuple(united)


def divide_rows(outputs: Tensors, counts: Sequence[int]) -> list[Tensors]:
    """Return the rows of each request; raise `ModelFailed` if an output has other rows."""
    total, start, found = sum(counts), 0, []
    for tensor in outputs:
        # If the model drops or adds rows, clients would get those of others.
        if tensor.rows != total:
            raise ModelFailed(
                f"'{tensor.name}' has not one row for each row of the request, so --batch cannot"
                " be used",
                "",
            )
    for count in counts:
        found.append(tuple(tensor.slice_rows(start, start + count) for tensor in outputs))
        start += count
    return found


class RowBatcher:
    """Requests that wait, and as many tasks as there are workers that unite them.

    At most `rows` rows are answered in one call, unless a single request has more. `acquire` waits
    for a free worker.
    """

    def __init__(
        self,
        rows: int,
        queue: int,
        workers: int,
        acquire: Callable[[], Awaitable[WorkerProcess]],
        release: Callable[[WorkerProcess], None],
    ) -> None:
        self._rows, self._queue, self._workers = rows, queue, workers
        self._acquire, self._release = acquire, release
        self._pending: deque[WaitingRequest] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        # Tasks that still look for requests. One that is about to end is in `_tasks` alone.
        self._looking = 0

    @property
    def waiting(self) -> int:
        """Return the number of requests that no worker has yet."""
        return sum(not each.answer.done() for each in self._pending)

    async def predict(self, tensors: Tensors, rows: int) -> Tensors:
        """Return the model's answer; raise as `WorkerProcess.predict` does.

        Raises `RefusedRequest` if too many requests wait.
        """
        if self.waiting >= self._queue:
            raise RefusedRequest(
                "too many requests wait for a worker", status=503, headers={"Retry-After": "1"}
            )
        answer: asyncio.Future[Tensors] = asyncio.get_running_loop().create_future()
        self._pending.append(WaitingRequest(tensors, rows, answer))
        # A task holds a worker, so more tasks would only wait.
        if self._looking < self._workers:
            self._looking += 1
            task = asyncio.create_task(self._run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answer

    async def _run(self) -> None:
        """Answer requests until none waits."""
        try:
            await self._answer_all()
        finally:
            # At once, so that a request that comes before the task has ended starts another.
            self._looking -= 1

    async def _answer_all(self) -> None:
        while self._pending:
            worker = await self._acquire()
            # Taken when a worker is free, so that requests that came meanwhile join the batch.
            batch = self._take()
            if not batch:
                # All requests have gone, or another task has taken them.
                self._release(worker)
                return
            try:
                outputs = await worker.predict(unite_rows([each.tensors for each in batch]))
                # A single request is not divided, so its outputs may have any number of rows.
                parts = [outputs]
                if len(batch) > 1:
                    parts = divide_rows(outputs, [each.rows for each in batch])
            except ModelFailed as error:
                await self._answer_apart(batch, error)
                continue
            except Exception as error:  # noqa: BLE001 - each request raises it
                _fail(batch, error)
                continue
            for each, part in zip(batch, parts, strict=True):
                if not each.answer.done():
                    each.answer.set_result(part)

    async def _answer_apart(self, batch: Sequence[WaitingRequest], error: ModelFailed) -> None:
        """Answer each request by itself, so that one that fails does no harm to the others."""
        if len(batch) == 1:
            _fail(batch, error)
            return
        for each in batch:
            try:
                worker = await self._acquire()
                outputs = await worker.predict(each.tensors)
            except Exception as apart:  # noqa: BLE001 - the request raises it
                _fail([each], apart)
                continue
            if not each.answer.done():
                each.answer.set_result(outputs)

    def _take(self) -> list[WaitingRequest]:
        """Return the next requests with the same signature, without those that no client awaits."""
        taken: list[WaitingRequest] = []
        rows = 0
        while self._pending:
            each = self._pending[0]
            if not each.answer.done():
                fits = not taken or rows + each.rows <= self._rows
                if not fits or (taken and each.signature != taken[0].signature):
                    break
                taken.append(each)
                rows += each.rows
            self._pending.popleft()
        return taken


def _fail(batch: Sequence[WaitingRequest], error: Exception) -> None:
    for each in batch:
        if not each.answer.done():
            each.answer.set_exception(error)
