"""Progress of long work. The command line passes a meter, other callers a silent object."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receiver of the amount of work done.

    `begin` starts a stage with a total in `unit`; a total of 0 means unknown. `advance` adds to the
    amount. `finish` ends the stage. `tell` shows a line to the user.
    """

    def begin(self, what: str, total: int = 0, *, unit: str = "B") -> None: ...
    def advance(self, amount: int) -> None: ...
    def finish(self) -> None: ...
    def tell(self, line: str) -> None: ...


class Quiet:
    """Progress that shows nothing."""

    def begin(self, what: str, total: int = 0, *, unit: str = "B") -> None: ...
    def advance(self, amount: int) -> None: ...
    def finish(self) -> None: ...
    def tell(self, line: str) -> None: ...


class EachLineOnce:
    """Progress that tells each line only once, however often a step is repeated."""

    def __init__(self, whole: Progress) -> None:
        self._told: set[str] = set()
        self.begin, self.advance, self.finish = whole.begin, whole.advance, whole.finish
        self._whole = whole

    def tell(self, line: str) -> None:
        """Show a line to the user, unless it was shown before."""
        if line not in self._told:
            self._told.add(line)
            self._whole.tell(line)


class Portion:
    """Progress whose stages together are `size` units of a stage of `whole`.

    The stages can count in any unit.
    """

    def __init__(self, whole: Progress, size: int) -> None:
        self._whole, self._size = whole, size
        self._total = self._amount = self._shown = 0

    def begin(self, what: str, total: int = 0, *, unit: str = "B") -> None:  # noqa: ARG002
        """Start a stage; its total determines the share of `size`."""
        self._total, self._amount = total, 0

    def advance(self, amount: int) -> None:
        """Add to the amount of this stage, and pass on its share."""
        self._amount += amount
        if self._total:
            self._show(self._size * min(self._amount, self._total) // self._total)

    def finish(self) -> None:
        """End a stage without passing anything on.

        Call `complete` after the last stage.
        """

    def complete(self) -> None:
        """Pass on the rest of `size`."""
        self._show(self._size)

    def tell(self, line: str) -> None:
        """Show a line to the user."""
        self._whole.tell(line)

    def _show(self, reached: int) -> None:
        """Advance `whole` to `reached`; never go back."""
        if reached > self._shown:
            self._whole.advance(reached - self._shown)
            self._shown = reached


QUIET = Quiet()
