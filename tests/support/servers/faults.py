"""Inject one-shot faults into an HTTP server. Each waits until it occurs, so that no test passes by
missing it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

Side = Literal["request", "response"]


@dataclass
class Fault:
    """Describe one fault: `status` answers a POST, `cut_at` drops the connection after so many
    bytes of a body."""

    side: Side
    path: str = ""
    status: int = 0
    cut_at: int = 0
    bitten: bool = False


class Faults:
    """Hold the pending faults, shared by the server's threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self._all.append(fault)
        return fault

    @property
    def waiting(self) -> tuple[Fault, ...]:
        with self._lock:
            return tuple(fault for fault in self._all if not fault.bitten)

    def take_status(self, path: str) -> int:
        """Return the status that answers this POST, or 0."""
        with self._lock:
            for fault in self._all:
                if not fault.bitten and fault.status and fault.path in path:
                    fault.bitten = True
                    return fault.status
        return 0

    def allowed(self, side: Side, path: str, done: int, size: int) -> int:
        """Return how many of the next `size` bytes pass after `done`; less than `size` if a fault
        occurs."""
        with self._lock:
            for fault in self._all:
                if fault.bitten or fault.status or fault.side != side or fault.path not in path:
                    continue
                if done + size > fault.cut_at:
                    fault.bitten = True
                    return max(fault.cut_at - done, 0)
        return size
