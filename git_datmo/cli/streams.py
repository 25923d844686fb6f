"""Byte-exact copying of a run's output to our own."""

from __future__ import annotations

import sys
from contextlib import suppress


def copy_through(stream: str, data: bytes) -> None:
    """Pass on what a run wrote, as it comes; a reader that went away does not end the run."""
    target = sys.stdout if stream == "stdout" else sys.stderr
    with suppress(BrokenPipeError):
        target.buffer.write(data)
        target.buffer.flush()


def copy_to_errors(stream: str, data: bytes) -> None:  # noqa: ARG001
    """Pass all of a run's output on to standard error, where standard output carries a result."""
    copy_through("stderr", data)
