"""Progress bar on a terminal, and lines on any stream."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TextIO

from git_datmo.redact import hide_passwords
from git_datmo.terminal_text import make_printable

if TYPE_CHECKING:
    from tqdm import tqdm

# Seconds before a bar appears. Shorter work shows no bar, as in git.
DELAY = 1.0
# Seconds between redraws of a bar without progress, for example while a server prepares its answer.
TICK = 2.0
# Columns of a terminal that does not know its width, as in git.
COLUMNS = 80


class Meter:
    """Progress that draws a bar if `stream` is a terminal and `draws` is True.

    `tell` writes lines to any stream.
    """

    def __init__(self, stream: TextIO, *, draws: bool = True) -> None:
        self._stream = stream
        self._draws = draws and stream.isatty()
        self._bar: tqdm[NoReturn] | None = None
        # True if the bar shows a wait outside of any stage.
        self._waits = False

    def begin(self, what: str, total: int = 0, *, unit: str = "B") -> None:
        """Start a stage and a new bar; a `total` of 0 means unknown."""
        self._begin(what, total, unit, delay=DELAY)

    def _begin(
        self, what: str, total: int, unit: str, *, delay: float, bar_format: str | None = None
    ) -> None:
        """Start a new bar that appears after `delay` seconds."""
        self.finish()
        if self._draws:
            from tqdm import tqdm

            # tqdm's monitor thread would prevent the fork of workers.
            tqdm.monitor_interval = 0
            columns = _fixed_columns(self._stream)
            self._bar = tqdm(
                desc=make_printable(what),
                total=total or None,
                unit=unit,
                unit_scale=True,
                unit_divisor=1024 if unit == "B" else 1000,
                file=self._stream,
                delay=delay,
                bar_format=bar_format,
                leave=False,
                # tqdm asks the terminal for its width only if none is given.
                ncols=columns,
                dynamic_ncols=columns is None,
            )
            self._tick(TICK)

    def advance(self, amount: int) -> None:
        """Add to the amount done; start a bar if no stage has begun."""
        if self._bar is None and self._draws:
            self.begin("Reading")
        if self._bar is not None:
            self._bar.update(amount)

    def finish(self) -> None:
        """End the stage and remove the bar."""
        if self._bar is not None:
            self._tick(0)
            self._bar.close()
            self._bar = None
        self._waits = False

    def waits(self, who: str) -> None:
        """Show that the process waits for a remote or program, unless a stage has a bar."""
        if self._bar is None:
            self._begin(f"Waiting for {who}", 0, "", delay=0, bar_format="{desc} [{elapsed}]")
            self._waits = True

    def asks(self) -> None:
        """Stop to redraw the bar, since a program asks the user on the same terminal."""
        self._tick(0)

    def resumes(self) -> None:
        """Remove the display of a wait; go on to redraw the bar of a stage."""
        if self._waits:
            self.finish()
        elif self._bar is not None:
            self._tick(TICK)

    def _tick(self, seconds: float) -> None:
        """Redraw the bar every `seconds`; 0 stops the redraws."""
        # Use a timer signal, since a thread would prevent the fork of workers. Only the main thread
        # can set its handler.
        if threading.current_thread() is not threading.main_thread():
            return
        if seconds:
            signal.signal(signal.SIGALRM, self._draw_again)
        signal.setitimer(signal.ITIMER_REAL, seconds, seconds)

    def _draw_again(self, _number: int, _frame: FrameType | None) -> None:
        """Redraw the bar; handler of the timer signal."""
        # The signal can arrive while tqdm draws the bar.
        with suppress(RuntimeError):
            if self._bar is not None:
                self._bar.refresh(nolock=True)

    def tell(self, line: str) -> None:
        """Write a line above the bar, without passwords and control characters."""
        if self._bar is not None:
            self._bar.clear()
        self._stream.write(f"git-datmo: {make_printable(hide_passwords(line))}\n")
        self._stream.flush()


def _fixed_columns(stream: TextIO) -> int | None:
    """Return the columns to draw on; None for a terminal that knows its size.

    Programs that drive others make terminals of size 0, on which tqdm would draw nothing.
    """
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return None
    return None if size.columns and size.lines else size.columns or COLUMNS
