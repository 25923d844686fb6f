"""The interface of a git service on the other side of a connection."""

from __future__ import annotations

from typing import Protocol

from git_datmo.timeouts import SilenceWatch


class Service(Protocol):
    """A program of git's on the remote. Its answer ends when `read` returns nothing.

    Its watch makes `read` raise `Silent` after a timeout.
    """

    watch: SilenceWatch

    def read(self, size: int, /) -> bytes: ...
    def write(self, data: bytes, /) -> None: ...
    def close_asking(self) -> None: ...
    def finish(self) -> int:
        """Stop reading, wait for the program's end, and return its exit status."""
