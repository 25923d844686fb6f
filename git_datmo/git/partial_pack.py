"""Finish packs whose receiver was cut off: their whole entries become a pack."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from git_datmo.errors import Damaged
from git_datmo.git.pack_entries import EntryReader, StreamEntry
from git_datmo.git.pack_writer import HEADER, PARTIAL, PackEntry, PackWriter, as_entry, claim
from git_datmo.model import ObjectFormat

STEP = 1 << 20


def finish_partial(folder: Path, form: ObjectFormat) -> int:
    """Finish the partial packs in `folder` that no other process is writing.

    Returns the number of objects. Ids are computed again from the content.
    """
    count = 0
    with suppress(FileNotFoundError):
        for name in sorted(os.listdir(folder)):
            if name.startswith(PARTIAL):
                # Another process may have finished the file since it was listed.
                with suppress(FileNotFoundError):
                    count += _finish(_Partial(folder, form, folder / name))
    return count


def _finish(pack: _Partial) -> int:
    with pack:
        if pack.finish(promisor=True) is None:
            pack.discard()
    return len(pack)


class _Partial(PackWriter):
    """A writer that starts with the whole entries of a partial file.

    It takes none from a file that another process is writing.
    """

    def __init__(self, folder: Path, form: ObjectFormat, path: Path) -> None:
        self._reopened = path
        super().__init__(folder, form, partial=True)
        # Another process may have finished and renamed the file before the claim.
        self._ours = claim(self._fd) and os.path.samestat(os.stat(path), os.fstat(self._fd))
        if self._ours:
            for entry in self._entries():
                self._note(received(entry, form))
            # Cut off the entry that did not arrive completely.
            os.ftruncate(self._fd, self._offset)
            # The file has its header already, which `finish` corrects.
            self._pending, self._pending_size, self._flushed = [], 0, self._offset

    def _open(self) -> tuple[int, Path]:
        return os.open(self._reopened, os.O_RDWR | os.O_CLOEXEC), self._reopened

    def _entries(self) -> Iterator[StreamEntry]:
        reader = EntryReader(_blocks(self._fd), self._format)
        # The first entry that is not complete ends the file.
        with suppress(Damaged):
            reader.take(HEADER)
            # No writer of partial packs stores deltas, so a delta is not ours.
            while not (entry := reader.entry()).base:
                yield entry

    def discard(self) -> None:
        """Remove an empty file that this process has claimed."""
        if self._ours:
            os.unlink(self._path)


def received(entry: StreamEntry, form: ObjectFormat) -> PackEntry:
    """Return a received entry that is no delta as one to write; its id is computed from its
    content."""
    return as_entry(form.hash(entry.kind, entry.content), entry.parts)


def _blocks(fd: int) -> Iterator[bytes]:
    offset = 0
    while block := os.pread(fd, STEP, offset):
        yield block
        offset += len(block)
