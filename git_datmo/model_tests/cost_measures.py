"""Measure the time of an answer and the memory of a worker."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from git_datmo.model_tests.model_results import ModelResult
from git_datmo.serving.named_tensors import NamedTensor
from git_datmo.serving.served_model import ServedModel
from git_datmo.sizes import show_size

_ROUNDS = 20
_PEAK = re.compile(r"^VmHWM:\s*(\d+) kB", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Cost:
    """The median seconds of a request, and the largest memory in bytes; 0 if it is not known."""

    seconds: float
    memory: int

    def text(self) -> str:
        """Return the cost as people read it."""
        memory = f", {show_size(self.memory)}" if self.memory else ""
        return f"{self.seconds * 1000:.3g} ms{memory}"


async def measure_cost(model: ServedModel, request: Sequence[NamedTensor]) -> Cost:
    """Ask for the same answer several times. Errors are those of `ServedModel.predict`."""
    seconds = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        await model.predict(request)
        seconds.append(time.perf_counter() - began)
    # A container has process ids of its own.
    isolated = model.pool.options.engine.capabilities.isolated
    pids = () if isolated else model.pool.pids
    return Cost(statistics.median(seconds), sum(map(_peak_memory, pids)))


def _peak_memory(pid: int) -> int:
    """Return the largest memory of a process in bytes; 0 where the system does not tell."""
    try:
        found = _PEAK.search(Path(f"/proc/{pid}/status").read_text("ascii", "replace"))
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def compare_costs(own: Cost | None, champion: Cost | None) -> list[ModelResult]:
    """Return the costs of a model beside the champion's, as a result that decides nothing."""
    if own is None:
        return []
    beside = f"; champion {champion.text()}" if champion else ""
    return [ModelResult("cost", "time and memory of a request", "advisory", own.text() + beside)]
