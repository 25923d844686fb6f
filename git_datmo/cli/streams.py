"""Copy the output of a run byte by byte to this process's streams."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from git_datmo.engines.engine_contract import Stream


def copy_through(stream: str, data: bytes) -> None:
    """Write output of a run to the same stream of this process.

    A closed reader does not end the run.
    """
    target = sys.stdout if stream == "stdout" else sys.stderr
    with suppress(BrokenPipeError):
        target.buffer.write(data)
        target.buffer.flush()


def screens(*, errors_alone: bool = False) -> tuple[Stream, ...]:
    """Return the streams of a command that a terminal shows.

    With `errors_alone`, both streams go to standard error.
    """
    shown = (sys.stderr if errors_alone else sys.stdout).isatty()
    streams: tuple[tuple[Stream, bool], ...] = (("stdout", shown), ("stderr", sys.stderr.isatty()))
    return tuple(name for name, on_terminal in streams if on_terminal)


def copy_to_errors(stream: str, data: bytes) -> None:  # noqa: ARG001
    """Write all output of a run to standard error, since standard output carries a result."""
    copy_through("stderr", data)
