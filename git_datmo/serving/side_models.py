"""Ask a second model beside the one that answers: a shadow that is compared, or a canary."""

from __future__ import annotations

import asyncio
import math
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from git_datmo.errors import DatmoError
from git_datmo.serving.named_tensors import NamedTensor
from git_datmo.serving.served_model import ServedModel

Tensors = tuple[NamedTensor, ...]

# Numbers are alike if they differ by less than this share of the larger one.
ALIKE = 1e-6
# Elements of an array whose values are compared; arrays with more are compared by their bytes.
MOST_COMPARED = 1000
# A canary has this many seconds, and this many times the usual seconds of the main model.
CANARY_SECONDS, CANARY_TIMES = 0.05, 3.0


class SlowModel(Exception):
    """Error of a canary that has not answered in its time."""


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
    _asked: set[asyncio.Task[Tensors]] = field(default_factory=set)

    @property
    def is_free(self) -> bool:
        """Return True if a worker has no request."""
        return self.model.is_ready and len(self._asked) < self.model.pool.alive

    def ask(self, tensors: Sequence[NamedTensor]) -> asyncio.Task[Tensors]:
        """Begin a prediction. Call it only if a worker is free."""
        task = asyncio.create_task(self.model.predict(tensors))
        self._asked.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Tensors]) -> None:
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
        self.side.ask(tensors).add_done_callback(partial(self._compare, tuple(outputs)))

    def _compare(self, expected: Tensors, task: asyncio.Task[Tensors]) -> None:
        """Count the result of a copy."""
        if task.cancelled():
            result = "dropped"
        elif task.exception() is not None:
            result = "failed"
        else:
            result = "same" if are_alike(expected, task.result()) else "different"
        self.side.counts[result] += 1


@dataclass(frozen=True, slots=True)
class Canary:
    """A model that answers a share of the requests, from 0 to 1."""

    side: SideModel
    share: float

    def takes(self, number: uuid.UUID) -> bool:
        """Return True if a prediction is of the canary's share. Its id alone decides."""
        return number.int >> 96 < self.share * (1 << 32)

    async def predict(self, tensors: Sequence[NamedTensor], usual: float) -> Tensors:
        """Return the canary's answer; raise `SlowModel` if it takes much more than `usual` seconds.

        Raises as `ServedModel.predict` does, too.
        """
        task = self.side.ask(tensors)
        done, _ = await asyncio.wait({task}, timeout=CANARY_SECONDS + CANARY_TIMES * usual)
        if not done:
            # It goes on, and keeps the worker until it ends.
            raise SlowModel("it did not answer in time")
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
