"""Measure the resources that a command used, from the kernel or a container engine."""

from __future__ import annotations

import resource
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

# The unit, in bytes, in which Linux counts disk transfers of any device.
BLOCK = 512
SOON, OFTEN, SHARE = 0.05, 1.0, 0.1


def usage_of_child(usage: resource.struct_rusage) -> dict[str, float | int]:
    """Return the resource usage of a child and of the descendants that it waited for.

    The peak memory, in bytes, is that of the largest process.
    """
    linux = sys.platform == "linux"
    return {
        "user_seconds": round(usage.ru_utime, 6),
        "system_seconds": round(usage.ru_stime, 6),
        # Linux counts in KiB, macOS in bytes (getrusage(2)).
        "peak_memory": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        # On other systems these fields count operations of any size.
        **(
            {"bytes_read": usage.ru_inblock * BLOCK, "bytes_written": usage.ru_oublock * BLOCK}
            if linux
            else {}
        ),
    }


@dataclass(slots=True)
class ContainerUsage:
    """The resource usage of a container, from repeated answers of the engine's API.

    Times are in nanoseconds, other values in bytes.
    """

    user: int = 0
    system: int = 0
    memory: int = 0
    read: int = 0
    written: int = 0

    def add(self, said: Mapping[str, Any]) -> None:
        """Add an answer of the engine's `stats`.

        For an ended container, it has zeros or no values, so the maximum counts.
        """
        cpu = _inner(_inner(said, "cpu_stats"), "cpu_usage")
        self.user = max(self.user, _number(cpu, "usage_in_usermode"))
        self.system = max(self.system, _number(cpu, "usage_in_kernelmode"))
        memory = _inner(said, "memory_stats")
        parts = _inner(memory, "stats")
        # The kernel can drop cached files, so the run does not need this memory.
        # Version 1 of control groups has `total_inactive_file`, version 2 has `inactive_file`.
        cached = _number(parts, "total_inactive_file") or _number(parts, "inactive_file")
        self.memory = max(self.memory, _number(memory, "usage") - cached)
        moved = _inner(said, "blkio_stats").get("io_service_bytes_recursive") or ()
        self.read = max(self.read, _moved(moved, "read"))
        self.written = max(self.written, _moved(moved, "write"))

    def values(self) -> dict[str, float | int]:
        """Return the figures as `usage_of_child` does; none if the engine returned no figures."""
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
    """Return the nested object `name`; an empty object if it is missing."""
    return said.get(name) or {}


def _number(said: Mapping[str, Any], name: str) -> int:
    """Return the integer `name`; 0 if it is missing."""
    return int(said.get(name) or 0)


def _moved(said: Any, way: str) -> int:
    """Return the sum of bytes that were read or written."""
    return sum(_number(entry, "value") for entry in said if str(entry.get("op", "")).lower() == way)


@contextmanager
def sampling(take: Callable[[], bool]) -> Iterator[None]:
    """Call `take` in a thread while the block lasts, until it returns False.

    The first call is immediate. Each pause is a tenth of the elapsed time, at least 50 ms and at
    most 1 s. So the usage after the last call is small compared to the total.
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
