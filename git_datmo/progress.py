"""How long work tells of itself: the command line gives a meter, everybody else silence."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the amount done; `begin` starts a stage, whose total may be unknown (0)."""

    def begin(self, what: str, total: int = 0, *, unit: str = "B") -> None: ...
    def advance(self, amount: int) -> None: ...
    def finish(self) -> None: ...


class Quiet:
    """A progress that nobody sees."""

    def begin(self, what: str, total: int = 0, *, unit: str = "B") -> None: ...
    def advance(self, amount: int) -> None: ...
    def finish(self) -> None: ...


QUIET = Quiet()
