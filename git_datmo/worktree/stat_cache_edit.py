"""Changes to a stat cache.

With millions of entries, most of them wait in an unnamed temporary file.
"""

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
from git_datmo.worktree.index_entries import doubted, encode, encode_gone, path_of, split_entries

if TYPE_CHECKING:
    from git_datmo.objects.ingest import FileRead

# Maximum number of entries in memory.
HELD = 1 << 15
_BLOCK = 1 << 16
# File time stamps advance in steps of at most 10 ms, so two consecutive changes may have the same
# time stamp.
_STEP = 20_000_000


class CacheEdit:
    """New entries and removed paths of a stat cache.

    If a path is added more than once, the last entry counts. `folder` is the folder for the
    temporary file. `begun` is a time in ns by the clock of its file system. No file of this edit
    was read or written before it. It is 0 for an edit that is never written to a cache.
    """

    def __init__(self, form: ObjectFormat, folder: Path | None = None) -> None:
        self._format, self._folder = form, folder
        self.begun = fsio.file_time(folder) if folder is not None else 0
        self._held: list[bytes] = []
        self._file: IO[bytes] | None = None
        # File offsets where each run of entries ends. Each run is sorted by path.
        self._ends: list[int] = [0]
        self._ordered = True
        self._latest = b""
        self.count = 0
        self.renewed: set[bytes] = set()
        # True if a file was removed (`forgets`), and if a chunked file was added (`large`).
        self.forgets = self.large = False

    def __bool__(self) -> bool:
        """Return True if the edit changes anything."""
        return bool(self.count or self.renewed)

    def record(self, file: FileRead) -> None:
        """Add a file that was read.

        If it changed just before the edit or later, it may change again with the same time stamp.
        Its entry is then marked as doubtful.
        """
        entry = encode(file, self._format)
        recent = file.stat.st_ctime_ns > self.begun - _STEP
        self._add(file.path, doubted(entry) if recent else entry, large=file.node.chunked)

    def place(self, file: FileRead) -> None:
        """Add a file that was just written."""
        self._add(file.path, encode(file, self._format), large=file.node.chunked)

    def add(self, path: bytes, entry: bytes) -> None:
        """Add the entry of a file of a single blob that was just written."""
        self._add(path, entry)

    def forget(self, path: bytes) -> None:
        """Add the removal of a file."""
        self._add(path, encode_gone(path, self._format))
        self.forgets = True

    def renew(self, path: bytes) -> None:
        """Drop all earlier entries of the file or folder `path` from the cache."""
        self.renewed.add(path)

    def _add(self, path: bytes, entry: bytes, *, large: bool = False) -> None:
        """Add an entry; write the entries in memory to the temporary file if they are too many."""
        self.large = self.large or large
        # Most walks come in index order, which saves sorting and merging.
        self._ordered = self._ordered and self._latest < path
        self._latest = path
        self._held.append(entry)
        self.count += 1
        if len(self._held) >= HELD:
            self._put_aside()

    def _put_aside(self) -> None:
        """Write the entries in memory to the temporary file as a sorted run."""
        import tempfile

        if self._file is None:
            # The file exists until `close`.
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
        self._file.write(b"".join(entry for _, entry in self._in_order()))
        self._ends.append(self._file.tell())
        self._held = []

    def entries(self) -> Iterator[tuple[bytes, bytes]]:
        """Return an iterator over the paths and entries in order, each path once.

        A removed file has a special entry.
        """
        runs = [self._run(*ends) for ends in zip(self._ends, self._ends[1:], strict=False)]
        runs.append(self._in_order())
        return (
            chain.from_iterable(runs)
            if self._ordered
            # `merge` is stable, so of equal paths the one of the latest run comes last.
            else _last_of_each(merge(*runs, key=itemgetter(0)))
        )

    def _in_order(self) -> Iterator[tuple[bytes, bytes]]:
        """Return an iterator over the entries in memory, in order."""
        pairs = ((path_of(entry, self._format), entry) for entry in self._held)
        # `dict` keeps the last entry of each path.
        return pairs if self._ordered else iter(sorted(dict(pairs).items()))

    def _run(self, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
        """Return an iterator over a run of entries in the temporary file."""
        assert self._file is not None
        # `pread` reads past the buffer of the file object.
        self._file.flush()
        file = self._file.fileno()
        blocks = (os.pread(file, min(_BLOCK, end - at), at) for at in range(start, end, _BLOCK))
        return split_entries(blocks, self._format)

    def close(self) -> None:
        """Close and thereby delete the temporary file."""
        if self._file is not None:
            self._file.close()


def _last_of_each(entries: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the last entry of each path; entries of the same path are adjacent."""
    latest = next(entries, None)
    for each in entries:
        if latest is not None and each[0] != latest[0]:
            yield latest
        latest = each
    if latest is not None:
        yield latest
