"""Remember how long the last answers took."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

COUNT = 100
# This share of the answers came within the longest usual time.
USUAL = 0.95


@dataclass(frozen=True, slots=True)
class RecentTimes:
    """The seconds of the last answers."""

    _seconds: deque[float] = field(default_factory=lambda: deque(maxlen=COUNT))

    def note(self, seconds: float) -> None:
        """Note the time of an answer. The oldest one is forgotten."""
        self._seconds.append(seconds)

    @property
    def longest_usual(self) -> float:
        """Return the time within which 95 of the last 100 answers came; 0 before the first."""
        if not self._seconds:
            return 0.0
        ordered = sorted(self._seconds)
        return ordered[int(USUAL * (len(ordered) - 1))]
