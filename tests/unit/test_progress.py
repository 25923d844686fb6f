"""Test one bar for work of many stages, which add up to the announced total."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import select
import signal
import struct
import termios
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.cli.meter import Meter
from git_datmo.progress import EachLineOnce, Portion


@dataclass
class Heard:
    """Collect the calls of a progress."""

    amounts: list[int] = field(default_factory=list)
    begun: int = 0
    lines: list[str] = field(default_factory=list)

    def begin(self, what: str, total: int = 0, *, unit: str = "B") -> None:
        self.begun += 1

    def advance(self, amount: int) -> None:
        self.amounts.append(amount)

    def finish(self) -> None: ...

    def tell(self, line: str) -> None:
        self.lines.append(line)


@given(
    size=st.integers(0, 10**12),
    stages=st.lists(
        st.tuples(st.integers(0, 1000), st.lists(st.integers(0, 400), max_size=5)), max_size=3
    ),
)
def test_bar_never_goes_back(size: int, stages: list[tuple[int, list[int]]]) -> None:
    whole = Heard()
    portion = Portion(whole, size)
    for total, amounts in stages:
        portion.begin("Transferring", total, unit="obj")
        for amount in amounts:
            portion.advance(amount)
        portion.finish()
    assert sum(whole.amounts) <= size
    portion.complete()
    assert sum(whole.amounts) == size
    assert all(amount > 0 for amount in whole.amounts)
    assert whole.begun == 0
    portion.tell("a line")
    assert whole.lines == ["a line"]


def test_repeated_step_tells_each_line_once() -> None:
    whole = Heard()
    once = EachLineOnce(whole)
    for line in ("left out", "retrying", "left out"):
        once.tell(line)
        once.begin("Transferring")
    assert whole.lines == ["left out", "retrying"]
    assert whole.begun == 3


def test_progress_without_terminal_writes_only_lines() -> None:
    stream = io.StringIO()
    meter = Meter(stream)
    meter.begin("Sharing", 1 << 40)
    meter.advance(1 << 39)
    meter.tell("a line")
    meter.finish()
    assert stream.getvalue() == "git-datmo: a line\n"


class Terminal(io.StringIO):
    """Write to a stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_stalled_bar_on_terminal_is_redrawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Wait for a server that prepares its answer for minutes, and redraw the bar."""
    handlers: list[Callable[[int, None], None]] = []
    intervals: list[float] = []
    monkeypatch.setattr(signal, "signal", lambda _, handler: handlers.append(handler))
    monkeypatch.setattr(signal, "setitimer", lambda _, first, __: intervals.append(first))
    stream = Terminal()
    meter = Meter(stream)
    meter.begin("Fetching", 1 << 40)
    assert 0 < intervals[-1] < 5
    assert stream.getvalue() == ""
    handlers[0](signal.SIGALRM, None)
    assert "Fetching" in stream.getvalue()
    meter.finish()
    assert intervals[-1] == 0


@pytest.mark.parametrize("columns", [0, 60])
def test_bar_fits_the_terminal_or_80_columns(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(signal, "setitimer", lambda *_: None)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 0, columns, 0, 0))
    with open(ours, "rb") as screen, open(theirs, "w") as stream:
        meter = Meter(stream)
        meter.waits("'origin'")
        meter.resumes()
        stream.flush()
        assert select.select([screen], [], [], 5)[0], "the terminal shows nothing"
        shown = os.read(screen.fileno(), 1 << 16).decode().strip("\r")
    assert "Waiting for 'origin'" in shown
    assert all(len(line) <= (columns or 80) for line in shown.split("\r"))


def test_wait_outside_a_stage_is_shown_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    intervals: list[float] = []
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(signal, "setitimer", lambda _, first, __: intervals.append(first))
    stream = Terminal()
    meter = Meter(stream)
    meter.waits("'origin'")
    assert "Waiting for 'origin' [00:00]" in stream.getvalue()
    assert 0 < intervals[-1] < 5
    meter.resumes()
    assert stream.getvalue().endswith("\r")
    assert intervals[-1] == 0


def test_wait_inside_a_stage_leaves_its_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(signal, "setitimer", lambda *_: None)
    stream = Terminal()
    meter = Meter(stream)
    meter.begin("Fetching", 1 << 40)
    meter.waits("'origin'")
    meter.resumes()
    assert "Waiting" not in stream.getvalue()


def test_bar_is_not_drawn_while_a_program_asks_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    intervals: list[float] = []
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(signal, "setitimer", lambda _, first, __: intervals.append(first))
    meter = Meter(Terminal())
    meter.begin("Fetching", 1 << 40)
    meter.asks()
    assert intervals[-1] == 0
    meter.resumes()
    assert intervals[-1] > 0
