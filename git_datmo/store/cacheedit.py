"""What changes in a stat cache, in flat memory: most of millions of entries wait in a file without a name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from heapq import merge
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import IO, TYPE_CHECKING

from git_datmo import fsio
from git_datmo.model import ObjectFormat
from git_datmo.store.entries import doubted, encode, encode_gone, path_of, split_entries

if TYPE_CHECKING:
    from git_datmo.store.ingest import Taken

# Entries that are held in memory.
HELD = 1 << 15
_BLOCK = 1 << 16
# Time stamps of files advance in steps of at most 10 ms, so that two changes in a row can have the same.
_STEP = 20_000_000


class CacheEdit:
    """Entries that are new, and paths that went; for a path that is told more than once, the last counts.

    `folder` is where the file may be that holds what is too much for memory. `begun` is the time, in ns by the clock of
    its file system, before which no file of this edit was read or written; 0 for an edit that no cache will get.
    """

    def __init__(self, form: ObjectFormat, folder: Path | None = None) -> None:
        self._format, self._folder = form, folder
        self.begun = fsio.file_time(folder) if folder is not None else 0
        self._held: list[bytes] = []
        self._file: IO[bytes] | None = None
        # Where in the file each run of entries ends; in a run they are in order.
        self._ends: list[int] = [0]
        self._ordered = True
        self._latest = b""
        self.count = 0
        self.renewed: set[bytes] = set()
        # Whether a file went, and whether one of several chunks is among the new.
        self.forgets = self.large = False

    def __bool__(self) -> bool:
        return bool(self.count or self.renewed)

    def record(self, file: Taken) -> None:
        """Note a file as it was read.

        A file that had just changed, or did so later on, may change again under the same time stamp: it is in doubt.
        """
        entry = encode(file, self._format)
        recent = file.stat.st_ctime_ns > self.begun - _STEP
        self._add(file.path, doubted(entry) if recent else entry, large=file.node.chunked)

    def place(self, file: Taken) -> None:
        """Note a file as it was just written."""
        self._add(file.path, encode(file, self._format), large=file.node.chunked)

    def add(self, path: bytes, entry: bytes) -> None:
        """Note a file of one blob, as it was just written, by its entry."""
        self._add(path, entry)

    def forget(self, path: bytes) -> None:
        self._add(path, encode_gone(path, self._format))
        self.forgets = True

    def renew(self, path: bytes) -> None:
        """Let nothing stay of what was known of the file or folder `path` before this edit."""
        self.renewed.add(path)

    def _add(self, path: bytes, entry: bytes, *, large: bool = False) -> None:
        self.large = self.large or large
        self._ordered = self._ordered and self._latest < path
        self._latest = path
        self._held.append(entry)
        self.count += 1
        if len(self._held) >= HELD:
            self._put_aside()

    def _put_aside(self) -> None:
        import tempfile

        if self._file is None:
            # It lives as long as the edit does.
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
        self._file.write(b"".join(entry for _, entry in self._in_order()))
        self._ends.append(self._file.tell())
        self._held = []

    def entries(self) -> Iterator[tuple[bytes, bytes]]:
        """The new entries by their paths, in order, each once; a file that went has one that says so."""
        runs = [self._run(*ends) for ends in zip(self._ends, self._ends[1:], strict=False)]
        runs.append(self._in_order())
        return chain.from_iterable(runs) if self._ordered else _last_of_each(merge(*runs, key=itemgetter(0)))

    def _in_order(self) -> Iterator[tuple[bytes, bytes]]:
        """What is held, in order."""
        pairs = ((path_of(entry, self._format), entry) for entry in self._held)
        return pairs if self._ordered else iter(sorted(dict(pairs).items()))

    def _run(self, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
        assert self._file is not None
        self._file.flush()
        file = self._file.fileno()
        blocks = (os.pread(file, min(_BLOCK, end - at), at) for at in range(start, end, _BLOCK))
        return split_entries(blocks, self._format)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()


def _last_of_each(entries: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """The last of several entries of one path that stand together."""
    latest = next(entries, None)
    for each in entries:
        if latest is not None and each[0] != latest[0]:
            yield latest
        latest = each
    if latest is not None:
        yield latest
