"""A place that is a folder on this machine, or one that is mounted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from git_datmo import fsio, permissions
from git_datmo.places.files import NAME, Range, Unreachable
from git_datmo.progress import Progress

# Files that are being written, which whoever finds them old may remove.
UNFINISHED = "tmp-"


class FolderFiles:
    """Files in a folder below `top`, which must be there: an absent one is a disk that is not mounted."""

    def __init__(self, top: Path, part: str) -> None:
        if not top.is_dir():
            raise Unreachable(f"there is no folder '{top}'", "mount it, or make it with 'mkdir'")
        self.url = str(top)
        self._folder = top / part

    def list(self) -> dict[str, int]:
        with self._translated():
            if not self._folder.is_dir():
                return {}
            with os.scandir(self._folder) as found:
                return {entry.name: entry.stat().st_size for entry in found if NAME.match(entry.name)}

    def put(self, source: Path, progress: Progress) -> None:
        target = self._folder / source.name
        with self._translated(), open(source, "rb") as file:
            with fsio.replacing(target, mode=permissions.READ_ONLY, prefix=UNFINISHED) as copy:
                fsio.copy_content(file, copy)
            progress.advance(file.tell())

    def publish(self) -> None:
        pass

    def read(self, ranges: Sequence[Range]) -> Iterator[bytes]:
        for part in ranges:
            with self._translated(), open(self._folder / part.name, "rb") as file:
                yield os.pread(file.fileno(), part.end - part.start, part.start)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unreachable(f"'{self.url}': {error.strerror}", "check the folder and its permissions") from error
