"""What a place has to be able to do: keep named files that appear whole, and give parts of them back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from git_datmo.errors import DatmoError
from git_datmo.progress import Progress

# The files of a place (docs/FORMAT.md): whatever else lies beside them is somebody else's.
NAME = re.compile(r"pack-(?:[0-9a-f]{40}|[0-9a-f]{64})\.(?:pack|idx)\Z")


class Unreachable(DatmoError):
    """A place that does not answer, or not as it should."""


@dataclass(frozen=True, slots=True)
class Range:
    """The bytes of a file from `start` to before `end`."""

    name: str
    start: int
    end: int


class Files(Protocol):
    """The files of a place; every method raises `Unreachable` when the place cannot do it."""

    @property
    def url(self) -> str: ...

    def list(self) -> dict[str, int]:
        """The files that are there whole, with their sizes."""

    def put(self, source: Path, progress: Progress) -> None:
        """Let the place have the file `source` under its name; it appears whole or not at all."""

    def publish(self) -> None:
        """Let others find what was put."""

    def read(self, ranges: Sequence[Range]) -> Iterator[bytes]:
        """The bytes of each range, in order; fewer where the file ends before."""
