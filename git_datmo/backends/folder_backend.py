"""Backend in a local or mounted folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from git_datmo import fsio, permissions
from git_datmo.backends.file_backend import NAME, Range, Unreachable
from git_datmo.progress import Progress

# Prefix of unfinished files. Any client may delete old files with this prefix.
UNFINISHED = "tmp-"


class FolderFiles:
    """Files in the folder `part` below `top`.

    Raises `Unreachable` if `top` is missing, since it may be a disk that is not mounted.
    """

    def __init__(self, top: Path, part: str) -> None:
        if not top.is_dir():
            raise Unreachable(f"there is no folder '{top}'", "mount it, or make it with 'mkdir'")
        self.url = str(top)
        self._folder = top / part

    def list(self) -> dict[str, int]:
        """Return the name and size in bytes of each complete file."""
        with self._translated():
            # The first upload makes the folder.
            if not self._folder.is_dir():
                return {}
            with os.scandir(self._folder) as found:
                return {
                    entry.name: entry.stat().st_size for entry in found if NAME.match(entry.name)
                }

    def put(self, source: Path, progress: Progress) -> None:
        """Copy the file `source` to the folder; it appears complete or not at all."""
        target = self._folder / source.name
        with self._translated(), open(source, "rb") as file:
            with fsio.replacing(target, mode=permissions.READ_ONLY, prefix=UNFINISHED) as copy:
                fsio.copy_content(file, copy)
            progress.advance(file.tell())

    def publish(self) -> None:
        """Do nothing, since files are visible immediately."""

    def read(self, ranges: Sequence[Range]) -> Iterator[bytes]:
        """Yield the bytes of each range, in order."""
        for part in ranges:
            with self._translated(), open(self._folder / part.name, "rb") as file:
                yield os.pread(file.fileno(), part.end - part.start, part.start)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn an `OSError` in the block into an `Unreachable`."""
        try:
            yield
        except OSError as error:
            raise Unreachable(
                f"'{self.url}': {error.strerror}", "check the folder and its permissions"
            ) from error
