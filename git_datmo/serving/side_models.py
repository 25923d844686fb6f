"""Ask a second model beside the one that answers: a shadow that is compared, or a canary."""

from __future__ import annotations

import asyncio
import math
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from git_datmo.errors import DatmoError
from git_datmo.serving.named_tensors import NamedTensor
from git_datmo.serving.prediction_attempts import ModelAttempt
from git_datmo.serving.served_model import ServedModel

Tensors = tuple[NamedTensor, ...]
Answer = TypeVar("Answer")

# Numbers are alike if they differ by less than this share of the larger one.
ALIKE = 1e-6
# Elements of an array whose values are compared; arrays with more are compared by their bytes.
MOST_COMPARED = 1000
# A canary has at most this many times the seconds of the main model's answer to the request.
CANARY_TIMES = 2.0
# Seconds between two reported errors of a canary.
REPORT_PAUSE = 10.0
# The workers of a shadow leave the processors to the main model while it needs them. Those of a
# canary do not: on a busy machine, none of their answers would come in time.
SHADOW_NICENESS = 10


@dataclass(slots=True)
class SideModel:
    """A model beside the main one. Its requests never wait for a worker.

    `role` is `shadow` or `canary`. `counts` has the results of its requests. `report` gets a line
    if it does not load.
    """

    role: str
    model: ServedModel
    report: Callable[[str], None]
    counts: Counter[str] = field(default_factory=Counter)
    _asked: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def is_free(self) -> bool:
        """Return True if a worker has no request."""
        return self.model.is_ready and len(self._asked) < self.model.pool.alive

    def begin(self, asking: Coroutine[Any, Any, Answer]) -> asyncio.Task[Answer]:
        """Begin to ask for a prediction. Call it only if a worker is free."""
        task = asyncio.create_task(asking)
        self._asked.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._asked.discard(task)
        if not task.cancelled():
            # Read, so that an answer that nobody waits for leaves no warning.
            task.exception()

    async def run(self) -> None:
        """Load the model, and stop it when the task is cancelled. It need not load."""
        try:
            await self._start()
            await asyncio.Event().wait()
        finally:
            for task in list(self._asked):
                task.cancel()
            await self.model.stop()

    async def _start(self) -> None:
        name = f"the {self.role}, snapshot {self.model.version},"
        try:
            await self.model.start()
        except Exception as error:  # noqa: BLE001 - the main model answers without it
            reason = error.what if isinstance(error, DatmoError) else repr(error)
            self.report(f"{name} does not load: {reason}")
        else:
            self.report(f"{name} is ready")


@dataclass(frozen=True, slots=True)
class Shadow:
    """A model that gets copies of answered requests. Its answers are compared, and not sent."""

    side: SideModel

    def copy(self, tensors: Sequence[NamedTensor], outputs: Sequence[NamedTensor]) -> None:
        """Give a request to the shadow, unless it is busy or has no worker."""
        if not self.side.is_free:
            self.side.counts["dropped"] += 1
            return
        task = self.side.begin(self.side.model.predict(tensors))
        task.add_done_callback(partial(self._compare, tuple(outputs)))

    def _compare(self, expected: Tensors, task: asyncio.Task[Tensors]) -> None:
        """Count the result of a copy."""
        if task.cancelled():
            result = "dropped"
        elif task.exception() is not None:
            result = "failed"
        else:
            result = "same" if are_alike(expected, task.result()) else "different"
        self.side.counts[result] += 1


@dataclass(slots=True)
class Canary:
    """A model that answers a share of the requests, from 0 to 1.

    The main model is asked, too. Its answer waits for that of the canary only if `_is_prompt`: the
    last one that ended came in time.
    """

    side: SideModel
    share: float
    _is_prompt: bool = False
    _reported: float = field(default=float("-inf"))

    def takes(self, number: uuid.UUID) -> bool:
        """Return True if a prediction is of the canary's share. Its id alone decides."""
        return number.int >> 96 < self.share * (1 << 32)

    async def answer_in_time(
        self, task: asyncio.Task[ModelAttempt], spent: float, usual: float
    ) -> ModelAttempt | None:
        """Return the canary's answer if it came in time, else None.

        The main model answered after `spent` seconds. In time is twice as long, but not longer than
        `usual`, which the main model's slow answers take. So no client waits unusually long.
        """
        loop = asyncio.get_running_loop()
        patience = max(0.0, min(CANARY_TIMES * spent, usual) - spent)
        end = loop.time() + patience
        if self._is_prompt and patience and not task.done():
            await asyncio.wait({task}, timeout=patience)
        if task.done():
            answered = _answer_of(task)
            self._is_prompt = answered is not None
            return answered
        self._is_prompt = False
        task.add_done_callback(partial(self._note_end, end))
        return None

    def may_report(self, now: float) -> bool:
        """Return True if an error may be reported at a time, in seconds.

        A traceback for each request would take time from the answers of the main model.
        """
        if now - self._reported < REPORT_PAUSE:
            return False
        self._reported = now
        return True

    def _note_end(self, end: float, task: asyncio.Task[ModelAttempt]) -> None:
        """Note if an answer would have come in time. If so, the next one is waited for."""
        is_in_time = asyncio.get_running_loop().time() <= end
        self._is_prompt = is_in_time and _answer_of(task) is not None


def _answer_of(task: asyncio.Task[ModelAttempt]) -> ModelAttempt | None:
    """Return the attempt of a task that ended; None if the model gave no answer."""
    if task.cancelled() or task.exception() is not None or task.result().error is not None:
        return None
    return task.result()


def are_alike(first: Sequence[NamedTensor], second: Sequence[NamedTensor]) -> bool:
    """Return True if two answers have the same arrays, up to the rounding of numbers."""
    return len(first) == len(second) and all(map(_is_alike, first, second))


def _is_alike(one: NamedTensor, other: NamedTensor) -> bool:
    if (one.name, one.datatype, one.shape) != (other.name, other.datatype, other.shape):
        return False
    if one.data == other.data:
        return True
    if not one.datatype.startswith("FP") or math.prod(one.shape) > MOST_COMPARED:
        return False
    return all(map(_is_close, one.values(), other.values()))


def _is_close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=ALIKE) or (math.isnan(one) and math.isnan(other))
