"""Signals while a command runs: the command gets them, and decides what they mean."""

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
# Batch systems announce the end of a job's time by these.
PASSED = (*ENDING, signal.SIGUSR1, signal.SIGUSR2)


@dataclass(slots=True)
class RelayedSignals:
    """The signals that came meanwhile, in their order."""

    signals: list[int] = field(default_factory=list)

    @property
    def interrupted(self) -> bool:
        """Return True where somebody wanted the command to end before it did by itself."""
        return any(number in ENDING for number in self.signals)


@contextlib.contextmanager
def passing_signals(send: Callable[[int], None], *, terminal: bool) -> Iterator[RelayedSignals]:
    """Outlive ^C, requests to end and a batch system's signals, and pass them on by `send`.

    `terminal` says that the command is in our terminal's foreground with us: the terminal sends ^C
    to both.

    Signals that were ignored stay so, as children inherit that. Only the main thread can set
    handlers.
    """
    told = RelayedSignals()

    def pass_on(number: int, _frame: FrameType | None) -> None:
        told.signals.append(number)
        if not (number == signal.SIGINT and terminal and _has_terminal()):
            send(number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in PASSED:
            if signal.getsignal(number) not in {signal.SIG_IGN, None}:
                before[number] = signal.signal(number, pass_on)
    try:
        yield told
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextlib.contextmanager
def holding_signals() -> Iterator[None]:
    """Let the block end before the first request to end takes effect; a second one counts at
    once."""
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
    for number in held[:1]:
        signal.raise_signal(number)


def _deliver(number: int, handler: Handler, frame: FrameType | None) -> None:
    if callable(handler):
        handler(number, frame)
    else:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)


def _has_terminal() -> bool:
    """Return True where this process is in the foreground of a terminal, so that ^C comes from
    there."""
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
