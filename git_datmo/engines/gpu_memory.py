"""Measure the GPU memory that a run used, by repeated calls of `nvidia-smi`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from git_datmo.engines.resource_usage import sampling
from git_datmo.environments.machine import ask

TOOL = "nvidia-smi"
_QUERY = [TOOL, "--query-gpu=memory.used", "--format=csv,noheader,nounits"]


@dataclass(slots=True)
class GpuMemory:
    """The bytes in use on all GPUs together: before the run, and the maximum during it."""

    before: int
    peak: int

    def values(self) -> dict[str, int]:
        """Return the figure for the record: the bytes beyond those in use before."""
        return {"peak_gpu_memory": max(0, self.peak - self.before)}


@contextmanager
def watched_gpus(environ: Mapping[str, str]) -> Iterator[Callable[[], Mapping[str, int]]]:
    """Measure GPU memory while the block lasts.

    Yields a function that returns the figures. Without a GPU, it returns none.
    """
    before = _in_use(environ)
    if before is None:
        yield dict
        return
    memory = GpuMemory(before, before)

    def take() -> bool:
        now = _in_use(environ)
        memory.peak = max(memory.peak, now or 0)
        return now is not None

    with sampling(take):
        yield memory.values


def _in_use(environ: Mapping[str, str]) -> int | None:
    """Return the bytes in use on all GPUs; None if `nvidia-smi` is missing or lists none."""
    if shutil.which(TOOL, path=environ.get("PATH", "")) is None:
        return None
    return read_memory(ask(_QUERY, environ))


def read_memory(said: str) -> int | None:
    """Return the bytes that `nvidia-smi` lists, in MiB with a line per GPU; None for no GPU."""
    sizes = [int(line) for line in said.split("\n") if line.strip().isdecimal()]
    return sum(sizes) << 20 if sizes else None
