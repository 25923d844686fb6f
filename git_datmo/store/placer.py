"""Puts files in their places below a folder, each whole: it is written beside its place and renamed into it."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from git_datmo import fsio
from git_datmo.errors import DatmoError
from git_datmo.git.paths import show
from git_datmo.model import Oid
from git_datmo.progress import Progress
from git_datmo.store import names
from git_datmo.store.cacheedit import CacheEdit
from git_datmo.store.chunks import BLOCK, MAX_SIZE
from git_datmo.store.crew import Crew
from git_datmo.store.entries import encode
from git_datmo.store.ingest import Taken, new_digest
from git_datmo.store.layout import Kind, Node
from git_datmo.store.store import Store

_Made = TypeVar("_Made")

# What a chunk takes at most in a pack, and how many are read in one turn of work.
ROOM = MAX_SIZE + (8 << 10)
CHUNKS = BLOCK // ROOM
# Files of one blob that are placed in one turn of work, and turns for a large file that are done without workers.
BATCH = 64
FEW_TURNS = 4

_OTHER_PLACE = "work in a clone on another file system, or take other files alone: git datmo checkout REV -- PATH"
_REASONS = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.ENAMETOOLONG: _OTHER_PLACE,
    errno.EILSEQ: _OTHER_PLACE,
    errno.EINVAL: _OTHER_PLACE,
    errno.EFBIG: _OTHER_PLACE,
    errno.EACCES: "make its folder writable",
    errno.EROFS: "work in a clone on a file system that can be written",
}

# A file of one blob: its path, the name of its kind, its object.
# What comes of it: its entry in the stat cache, and its size.
WholeFile = tuple[bytes, str, bytes]
Placed = tuple[bytes, int]


class Placer:
    """Writes files of a store below `root`."""

    def __init__(self, store: Store, root: bytes) -> None:
        self._store, self._root = store, root

    def whole_files(self, _: memoryview, files: Sequence[WholeFile]) -> list[Placed]:
        """Place files of one blob each, as a crew's job; the folders are there."""
        form = self._store.format
        taken = (self.place(path, Node(Kind[kind], Oid(oid))) for path, kind, oid in files)
        return [(encode(file, form), file.stat.st_size) for file in taken]

    def chunks(self, memory: memoryview, oids: Sequence[bytes]) -> list[tuple[int, int]]:
        """Read chunks into `memory`, as a crew's job; returns the places of their content, in order."""
        places = []
        for start, oid in zip(range(0, len(memory), ROOM), oids, strict=False):
            found = self._store.read_into(Oid(oid), memory[start : start + ROOM])
            places += [(start + first, start + last) for first, last in found]
        return places

    def place(self, path: bytes, node: Node) -> Taken:
        """Write a file of one blob, or make a link, whose folder is there."""
        full = self._root + b"/" + path
        temporary = _temporary(full)
        content = self._store.read(node.oid, "blob")
        if node.kind is Kind.LINK:
            names.check_target(content, path)
        with writing(path, temporary):
            if node.kind is Kind.LINK:
                _anew(temporary, lambda: os.symlink(content, temporary))
            else:
                fd = _create(temporary, node.kind)
                try:
                    fsio.write_parts(fd, (content,))
                finally:
                    os.close(fd)
            _rename(temporary, full, path)
            return Taken(path, node, os.lstat(full))

    def begin(self, path: bytes, node: Node) -> LargeFile:
        """A file of several chunks, whose folder is there."""
        return LargeFile(self._root, path, node)


class LargeFile:
    """A file that is written as its chunks come; it takes its place when it is whole."""

    def __init__(self, root: bytes, path: bytes, node: Node) -> None:
        self._path, self._node = path, node
        self._full = root + b"/" + path
        # Smaller files are placed meanwhile, under a name of their own.
        self._temporary = _temporary(self._full) + b"-large"
        self._digest = new_digest()
        self._fd = -1

    def add(self, parts: Sequence[memoryview]) -> None:
        """Write what comes next."""
        with writing(self._path, self._temporary):
            if self._fd < 0:
                self._fd = _create(self._temporary, self._node.kind)
            fsio.write_parts(self._fd, parts)
        for part in parts:
            self._digest.update(part)

    def finish(self) -> Taken:
        """Put the file in its place; what is told of it has the digest of its content."""
        os.close(self._fd)
        self._fd = -1
        with writing(self._path, self._temporary):
            _rename(self._temporary, self._full, self._path)
            info = os.lstat(self._full)
        return Taken(self._path, self._node, info, self._digest.digest())

    def close(self) -> None:
        """Remove the file, unless it is in its place."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            with suppress(OSError):
                os.unlink(self._temporary)


class Placing:
    """Has a crew place files, and notes those that are in their places."""

    def __init__(self, crew: Crew, edit: CacheEdit, progress: Progress) -> None:
        self._crew, self._edit, self._progress = crew, edit, progress
        self._batch: list[WholeFile] = []
        self._waiting: deque[Callable[[memoryview, Any], None]] = deque()
        self._begun: LargeFile | None = None

    def close(self) -> None:
        """Let go of a file that was not finished."""
        if self._begun is not None:
            self._begun.close()

    def whole(self, path: bytes, node: Node) -> None:
        self._batch.append((path, node.kind.name, node.oid))
        if len(self._batch) == BATCH:
            self._crew.start()
            self._submit_batch()

    def large(self, file: LargeFile, chunks: Iterator[Oid]) -> None:
        def write(memory: memoryview, places: list[tuple[int, int]]) -> None:
            self._begun = file
            file.add([memory[start:end] for start, end in places])
            self._progress.advance(sum(end - start for start, end in places))

        turns = 0
        while oids := list(islice(chunks, CHUNKS)):
            self._submit(write, "chunks", oids)
            turns += 1
            if turns == FEW_TURNS:
                self._crew.start()
        self._submit(lambda *_: self._edit.place(file.finish()), "chunks", [])

    def finish(self) -> None:
        self._submit_batch()
        while self._crew:
            self._take()

    def _submit_batch(self) -> None:
        batch, self._batch = self._batch, []

        def note(_memory: memoryview, placed: list[Placed]) -> None:
            for (path, _, _), (entry, size) in zip(batch, placed, strict=True):
                self._edit.add(path, entry)
                self._progress.advance(size)

        self._submit(note, "files", batch)

    def _submit(self, done: Callable[[memoryview, Any], None], job: str, request: Sequence[object]) -> None:
        while self._crew.slot() is None:
            self._take()
        self._crew.submit(job, request)
        self._waiting.append(done)

    def _take(self) -> None:
        slot, answer = self._crew.take()
        self._waiting.popleft()(slot.memory, answer)
        self._crew.release(slot)


@contextmanager
def writing(path: bytes, temporary: bytes = b"") -> Iterator[None]:
    """Tell what the system refuses in terms of `path`, and let nothing half written stay."""
    try:
        yield
    except BaseException as error:
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)
        if isinstance(error, OSError):
            raise DatmoError(
                f"cannot write {show(path)}: {error.strerror}", _REASONS.get(error.errno or 0, "")
            ) from error
        raise


def _temporary(full: bytes) -> bytes:
    return full[: full.rindex(b"/") + 1] + names.TEMPORARY + b"%d" % os.getpid()


def _create(path: bytes, kind: Kind) -> int:
    mode = 0o777 if kind is Kind.EXECUTABLE else 0o666
    return _anew(path, lambda: os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode))


def _rename(temporary: bytes, full: bytes, path: bytes) -> None:
    try:
        os.replace(temporary, full)
    except (IsADirectoryError, NotADirectoryError):
        try:
            os.rmdir(full)
        except OSError as error:
            os.unlink(temporary)
            raise DatmoError(f"the folder {show(path)} is in the way of a file", "move it away") from error
        os.replace(temporary, full)


def sweep(root: Path, folders: Iterable[bytes]) -> None:
    """Remove the half-written files that a killed checkout left in `folders`."""
    for folder in folders:
        with suppress(OSError), os.scandir(os.path.join(os.fsencode(root), folder)) as listing:
            for entry in listing:
                if entry.name.startswith(names.TEMPORARY):
                    os.unlink(entry.path)


def _anew(path: bytes, make: Callable[[], _Made]) -> _Made:
    """Make what is at no path yet; what a process of the same number left there, which died, goes."""
    try:
        return make()
    except FileExistsError:
        os.unlink(path)
        return make()
