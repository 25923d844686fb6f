"""Handle signals while a command runs: pass them to the command, or hold them back."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType

Handler = Callable[[int, FrameType | None], object] | int | None
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Batch systems announce the end of a job's time by SIGUSR1 or SIGUSR2.
PASSED = (*ENDING, signal.SIGUSR1, signal.SIGUSR2)


@dataclass(slots=True)
class RelayedSignals:
    """The signals that arrived while a command ran, in order."""

    signals: list[int] = field(default_factory=list)

    @property
    def interrupted(self) -> bool:
        """Return True if a signal asked for the end of the command."""
        return any(number in ENDING for number in self.signals)


@contextlib.contextmanager
def passing_signals(
    send: Callable[[int], None], *, from_terminal: Callable[[], bool] = lambda: False
) -> Iterator[RelayedSignals]:
    """Survive signals of `PASSED` while the block lasts, and pass them on by `send`.

    If `from_terminal` returns True, an interrupt can come from our terminal, whose foreground the
    command shares. The terminal then sends ^C to both, so it is not passed on.

    Ignored signals stay ignored, since children inherit that. Only the main thread can set
    handlers; in other threads nothing changes.
    """
    relayed = RelayedSignals()

    def pass_on(number: int, _frame: FrameType | None) -> None:
        relayed.signals.append(number)
        if not (number == signal.SIGINT and from_terminal() and _has_terminal()):
            send(number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in PASSED:
            # None stands for a handler that Python did not set, and so could not restore.
            if signal.getsignal(number) not in {signal.SIG_IGN, None}:
                before[number] = signal.signal(number, pass_on)
    try:
        yield relayed
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextlib.contextmanager
def holding_signals() -> Iterator[None]:
    """Delay the first request to end until the block ends.

    A second request takes effect at once.
    """
    held: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        if held:
            _deliver(number, before[number], frame)
        held.append(number)

    before: dict[int, Handler] = {}
    if threading.current_thread() is threading.main_thread():
        for ending in ENDING:
            if signal.getsignal(ending) not in {signal.SIG_IGN, None}:
                before[ending] = signal.signal(ending, hold)
    try:
        yield
    finally:
        for ended, old in before.items():
            signal.signal(ended, old)
    # The old handlers are back, so the request takes effect now.
    for number in held[:1]:
        signal.raise_signal(number)


def _deliver(number: int, handler: Handler, frame: FrameType | None) -> None:
    """Call the previous handler of a signal, or let the signal have its default effect."""
    if callable(handler):
        handler(number, frame)
    else:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)


def _has_terminal() -> bool:
    """Return True if this process is in the foreground of a terminal, which then sends ^C."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
