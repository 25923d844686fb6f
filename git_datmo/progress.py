"""How long work tells of itself: the command line gives a meter, everybody else silence."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the amount done; `begin` starts a stage, whose total may be unknown (0).

    `tell` gets a line that a person should read, once it is known.
    """

    def begin(self, what: str, total: int = 0, *, unit: str = "B") -> None: ...
    def advance(self, amount: int) -> None: ...
    def finish(self) -> None: ...
    def tell(self, line: str) -> None: ...


class Quiet:
    """A progress that nobody sees."""

    def begin(self, what: str, total: int = 0, *, unit: str = "B") -> None: ...
    def advance(self, amount: int) -> None: ...
    def finish(self) -> None: ...
    def tell(self, line: str) -> None: ...


class Portion:
    """A progress of which all stages together make up `size` of a stage that `whole` has begun,
    whatever they count."""

    def __init__(self, whole: Progress, size: int) -> None:
        self._whole, self._size = whole, size
        self._total = self._amount = self._shown = 0

    def begin(self, what: str, total: int = 0, *, unit: str = "B") -> None:  # noqa: ARG002
        self._total, self._amount = total, 0

    def advance(self, amount: int) -> None:
        self._amount += amount
        if self._total:
            self._show(self._size * min(self._amount, self._total) // self._total)

    def finish(self) -> None:
        """A stage is over; `complete` says that all of them are."""

    def complete(self) -> None:
        self._show(self._size)

    def tell(self, line: str) -> None:
        self._whole.tell(line)

    def _show(self, reached: int) -> None:
        if reached > self._shown:
            self._whole.advance(reached - self._shown)
            self._shown = reached


QUIET = Quiet()
