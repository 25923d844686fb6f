"""What a person's ^C, and a request to end, mean while a command runs: the command is told, and decides."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType


@dataclass(slots=True)
class Told:
    """The signals that came meanwhile, in their order."""

    signals: list[int] = field(default_factory=list)

    @property
    def interrupted(self) -> bool:
        """Whether somebody wanted the command to end before it did by itself."""
        return bool(self.signals)


@contextlib.contextmanager
def passing_signals(send: Callable[[int], None], *, terminal: bool) -> Iterator[Told]:
    """Outlive ^C and requests to end, and pass them on by `send`; `terminal` says that ^C reaches the command anyway.

    Signals that were ignored stay so, as children inherit that. Only the main thread can set handlers.
    """
    told = Told()

    def pass_on(number: int, _frame: FrameType | None) -> None:
        told.signals.append(number)
        if not (terminal and number == signal.SIGINT):
            send(number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) not in {signal.SIG_IGN, None}:
                before[number] = signal.signal(number, pass_on)
    try:
        yield told
    finally:
        for number, old in before.items():
            signal.signal(number, old)
