"""Byte-exact copying of a run's output to our own."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from git_datmo.engines.engine_contract import Stream


def copy_through(stream: str, data: bytes) -> None:
    """Pass on what a run wrote, as it comes; a reader that went away does not end the run."""
    target = sys.stdout if stream == "stdout" else sys.stderr
    with suppress(BrokenPipeError):
        target.buffer.write(data)
        target.buffer.flush()


def screens(*, errors_alone: bool = False) -> tuple[Stream, ...]:
    """Return the streams of a command that a terminal shows; with `errors_alone`, both go to
    standard error."""
    shown = (sys.stderr if errors_alone else sys.stdout).isatty()
    streams: tuple[tuple[Stream, bool], ...] = (("stdout", shown), ("stderr", sys.stderr.isatty()))
    return tuple(name for name, on_terminal in streams if on_terminal)


def copy_to_errors(stream: str, data: bytes) -> None:  # noqa: ARG001
    """Pass all of a run's output on to standard error, where standard output carries a result."""
    copy_through("stderr", data)
