"""Progress on a terminal, and nowhere else; what is told is written wherever it goes."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TextIO

from git_datmo.redact import hide_passwords
from git_datmo.terminal_text import make_printable

if TYPE_CHECKING:
    from tqdm import tqdm

# Work that is over before this many seconds shows nothing, as git's own progress.
DELAY = 1.0
# Seconds after which a bar is drawn again although nothing came, as where a server thinks before it
# sends.
TICK = 2.0


class Meter:
    """A `Progress` that draws a bar on `stream` while that is a terminal, unless it `draws` nothing
    even there."""

    def __init__(self, stream: TextIO, *, draws: bool = True) -> None:
        self._stream = stream
        self._draws = draws and stream.isatty()
        self._bar: tqdm[NoReturn] | None = None

    def begin(self, what: str, total: int = 0, *, unit: str = "B") -> None:
        self.finish()
        if self._draws:
            from tqdm import tqdm

            # Its thread, which watches slow bars, would keep workers from being forked.
            tqdm.monitor_interval = 0

            self._bar = tqdm(
                desc=make_printable(what),
                total=total or None,
                unit=unit,
                unit_scale=True,
                unit_divisor=1024 if unit == "B" else 1000,
                file=self._stream,
                delay=DELAY,
                leave=False,
                dynamic_ncols=True,
            )
            self._tick(TICK)

    def advance(self, amount: int) -> None:
        if self._bar is None and self._draws:
            self.begin("Reading")
        if self._bar is not None:
            self._bar.update(amount)

    def finish(self) -> None:
        if self._bar is not None:
            self._tick(0)
            self._bar.close()
            self._bar = None

    def _tick(self, seconds: float) -> None:
        """Have the bar drawn again every so many seconds, or with 0 no more."""
        # A thread would do, and would keep workers from being forked.
        if threading.current_thread() is not threading.main_thread():
            return
        if seconds:
            signal.signal(signal.SIGALRM, self._draw_again)
        signal.setitimer(signal.ITIMER_REAL, seconds, seconds)

    def _draw_again(self, _number: int, _frame: FrameType | None) -> None:
        # The signal may come while the bar is drawn.
        with suppress(RuntimeError):
            if self._bar is not None:
                self._bar.refresh(nolock=True)

    def tell(self, line: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        self._stream.write(f"git-datmo: {make_printable(hide_passwords(line))}\n")
        self._stream.flush()
