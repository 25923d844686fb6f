"""Turn the progress of a fetch into events for browsers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from git_datmo.web.following import Event

PAUSE = 0.2
"""Seconds between two events."""


@dataclass
class FetchProgress:
    """Progress that `send` passes on at most five times a second."""

    content: str
    send: Callable[[Event], object]
    done: int = 0
    total: int = 0
    _sent: float = 0.0

    def event(self, *, error: str = "", is_done: bool = False) -> Event:
        """Return how far the fetch is."""
        return {
            "fetch": self.content,
            "done": self.done,
            "total": self.done if is_done else self.total,
            "error": error,
            "is_done": is_done,
        }

    def begin(self, what: str, total: int = 0, *, unit: str = "B") -> None:  # noqa: ARG002
        """Begin a stage."""
        # Browsers show bytes, so a stage that counts other things has no total.
        self.done, self.total = 0, total if unit == "B" else 0

    def advance(self, amount: int) -> None:
        """Add to what is done."""
        self.done += amount
        now = time.monotonic()
        if now - self._sent >= PAUSE:
            self._sent = now
            self.send(self.event())

    def finish(self) -> None:
        """End a stage."""

    def tell(self, line: str) -> None:
        """Leave out a line for a terminal."""
