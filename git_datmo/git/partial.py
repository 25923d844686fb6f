"""What is whole of a pack that was cut off while it was received: it becomes a pack of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from git_datmo.errors import Damaged
from git_datmo.git.entries import Entry, EntryReader
from git_datmo.git.packwriter import HEADER, PARTIAL, PackEntry, PackWriter, as_entry, claim
from git_datmo.model import ObjectFormat

STEP = 1 << 20


def finish_partial(folder: Path, form: ObjectFormat) -> int:
    """Finish the packs in `folder` that were cut off, unless somebody is still at them; the objects that they had.

    Nothing is taken on trust: the ids are computed anew.
    """
    count = 0
    with suppress(FileNotFoundError):
        for name in sorted(os.listdir(folder)):
            if name.startswith(PARTIAL):
                with suppress(FileNotFoundError):
                    count += _finish(_Partial(folder, form, folder / name))
    return count


def _finish(pack: _Partial) -> int:
    with pack:
        if pack.finish(promisor=True) is None:
            pack.discard()
    return len(pack)


class _Partial(PackWriter):
    """A writer that begins with what is whole of a file; of one that somebody else is at, nothing is."""

    def __init__(self, folder: Path, form: ObjectFormat, path: Path) -> None:
        self._reopened = path
        super().__init__(folder, form, partial=True)
        # By the time of the claim the file may have been finished, and have another name.
        self._ours = claim(self._fd) and os.path.samestat(os.stat(path), os.fstat(self._fd))
        if self._ours:
            for entry in self._entries():
                self._note(received(entry, form))
            os.ftruncate(self._fd, self._offset)
            self._pending, self._pending_size, self._flushed = [], 0, self._offset

    def _open(self) -> tuple[int, Path]:
        return os.open(self._reopened, os.O_RDWR | os.O_CLOEXEC), self._reopened

    def _entries(self) -> Iterator[Entry]:
        reader = EntryReader(_blocks(self._fd), self._format)
        with suppress(Damaged):
            reader.take(HEADER)
            while not (entry := reader.entry()).base:
                yield entry

    def discard(self) -> None:
        """Remove a file of ours that has nothing in it."""
        if self._ours:
            os.unlink(self._path)


def received(entry: Entry, form: ObjectFormat) -> PackEntry:
    """An entry that is no delta, as it is written: its id is computed from its content."""
    return as_entry(form.hash(entry.kind, entry.content), entry.parts)


def _blocks(fd: int) -> Iterator[bytes]:
    place = 0
    while block := os.pread(fd, STEP, place):
        yield block
        place += len(block)
