"""How much of the GPUs' memory a run took, as `nvidia-smi` says while it lasts."""

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
    """Bytes in use on all GPUs together: before, and at most."""

    before: int
    peak: int

    def values(self) -> dict[str, int]:
        """As a record has it: what was in use beyond what was so before it began."""
        return {"peak_gpu_memory": max(0, self.peak - self.before)}


@contextmanager
def watched_gpus(environ: Mapping[str, str]) -> Iterator[Callable[[], Mapping[str, int]]]:
    """Watch the GPUs while the block lasts; gives what tells afterwards, which is nothing where
    there are none."""
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
    """Bytes in use on all GPUs; None where nobody tells."""
    if shutil.which(TOOL, path=environ.get("PATH", "")) is None:
        return None
    return read_memory(ask(_QUERY, environ))


def read_memory(said: str) -> int | None:
    """The sum of what `nvidia-smi` lists in MiB, a line a GPU; None where it lists none."""
    sizes = [int(line) for line in said.split("\n") if line.strip().isdecimal()]
    return sum(sizes) << 20 if sizes else None
