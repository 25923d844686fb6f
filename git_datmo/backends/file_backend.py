"""Interface of storage backends.

A backend holds named files that appear complete, and returns byte ranges of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from git_datmo.errors import DatmoError
from git_datmo.progress import Progress

# Names of the files of a backend (docs/FORMAT.md). Other files in the same folder are ignored.
NAME = re.compile(r"pack-(?:[0-9a-f]{40}|[0-9a-f]{64})\.(?:pack|idx)\Z")


class Unreachable(DatmoError):
    """Error of a backend that does not respond, or responds incorrectly."""


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes of a file from `start` up to, but not including, `end`."""

    name: str
    start: int
    end: int


class Files(Protocol):
    """Files of a backend. Every method raises `Unreachable` if the backend fails."""

    @property
    def url(self) -> str: ...

    def list(self) -> dict[str, int]:
        """Return the name and size in bytes of each complete file."""

    def put(self, source: Path, progress: Progress) -> None:
        """Upload the file `source` under its name. It appears complete or not at all."""

    def publish(self) -> None:
        """Make the uploaded files visible to other clients."""

    def read(self, ranges: Sequence[Range]) -> Iterator[bytes]:
        """Yield the bytes of each range, in order; fewer bytes if the file ends early."""
