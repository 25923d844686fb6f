"""What a command used of a machine, in a record's words: as the kernel counts it, or as a container
engine does."""

from __future__ import annotations

import resource
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

# The unit in which Linux counts what went to and came from disks, whatever their own.
BLOCK = 512
SOON, OFTEN, SHARE = 0.05, 1.0, 0.1


def usage_of_child(usage: resource.struct_rusage) -> dict[str, float | int]:
    """What a child and all that it waited for used; the peak memory is that of the largest among
    them."""
    linux = sys.platform == "linux"
    return {
        "user_seconds": round(usage.ru_utime, 6),
        "system_seconds": round(usage.ru_stime, 6),
        "peak_memory": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        # Elsewhere these count operations of any size.
        **(
            {"bytes_read": usage.ru_inblock * BLOCK, "bytes_written": usage.ru_oublock * BLOCK}
            if linux
            else {}
        ),
    }


@dataclass(slots=True)
class ContainerUsage:
    """What all processes of a container used, from what the engine's API said of it now and
    again."""

    user: int = 0
    system: int = 0
    memory: int = 0
    read: int = 0
    written: int = 0

    def add(self, said: Mapping[str, Any]) -> None:
        """Take in one answer of the engine's `stats`: of a container that has ended, it has zeros
        or nothing."""
        cpu = _inner(_inner(said, "cpu_stats"), "cpu_usage")
        self.user = max(self.user, _number(cpu, "usage_in_usermode"))
        self.system = max(self.system, _number(cpu, "usage_in_kernelmode"))
        memory = _inner(said, "memory_stats")
        parts = _inner(memory, "stats")
        # What the kernel keeps of files and would let go of is no need of the run's.
        cached = _number(parts, "total_inactive_file") or _number(parts, "inactive_file")
        self.memory = max(self.memory, _number(memory, "usage") - cached)
        moved = _inner(said, "blkio_stats").get("io_service_bytes_recursive") or ()
        self.read = max(self.read, _moved(moved, "read"))
        self.written = max(self.written, _moved(moved, "write"))

    def values(self) -> dict[str, float | int]:
        """As `usage_of_child` tells it; nothing where the engine never said anything."""
        if not self.memory:
            return {}
        return {
            "user_seconds": round(self.user / 1e9, 6),
            "system_seconds": round(self.system / 1e9, 6),
            "peak_memory": self.memory,
            "bytes_read": self.read,
            "bytes_written": self.written,
        }


def _inner(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return said.get(name) or {}


def _number(said: Mapping[str, Any], name: str) -> int:
    return int(said.get(name) or 0)


def _moved(said: Any, way: str) -> int:
    return sum(_number(entry, "value") for entry in said if str(entry.get("op", "")).lower() == way)


@contextmanager
def sampling(take: Callable[[], bool]) -> Iterator[None]:
    """Call `take` in a thread while the block lasts, until it says no.

    The first is at once, and each later one when a tenth more of the time has gone by, but no
    sooner than after 50 ms and no later than after a second: what is used behind the last of them
    is little beside the whole.
    """
    over = threading.Event()

    def repeat() -> None:
        elapsed = 0.0
        while take():
            pause = min(OFTEN, max(SOON, SHARE * elapsed))
            elapsed += pause
            if over.wait(pause):
                return

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
