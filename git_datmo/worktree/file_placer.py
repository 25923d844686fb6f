"""Write files below a folder.

Each file is written under a temporary name and renamed to its path.
"""

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
from git_datmo.git.safe_paths import show
from git_datmo.model import Oid
from git_datmo.objects import stored_names
from git_datmo.objects.chunks import BLOCK, MAX_SIZE, WHOLE_LIMIT
from git_datmo.objects.ingest import FileRead, new_digest
from git_datmo.objects.store import Store
from git_datmo.objects.tree_nodes import Node, NodeKind
from git_datmo.objects.worker_pool import WorkerPool
from git_datmo.progress import Progress
from git_datmo.sizes import show_size
from git_datmo.worktree.index_entries import encode
from git_datmo.worktree.stat_cache_edit import CacheEdit

_Made = TypeVar("_Made")

# Maximum size of a chunk in a pack, and the number of chunks that a worker reads in a job.
ROOM = MAX_SIZE + (8 << 10)
CHUNKS = BLOCK // ROOM
# Files of a single blob in a job, and the number of jobs for a large file before workers are
# started.
BATCH = 64
FEW_TURNS = 4

_OTHER_PLACE_HINT = (
    "work in a clone on another file system, or take other files alone: git datmo"
    " checkout REV -- PATH"
)
_HINTS = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.ENAMETOOLONG: _OTHER_PLACE_HINT,
    errno.EILSEQ: _OTHER_PLACE_HINT,
    errno.EINVAL: _OTHER_PLACE_HINT,
    errno.EFBIG: _OTHER_PLACE_HINT,
    errno.EACCES: "make its folder writable",
    errno.EROFS: "work in a clone on a file system that can be written",
}

# A file of a single blob: its path, the name of its kind, its object. Its result: its stat cache
# entry and its size.
WholeFile = tuple[bytes, str, bytes]
Placed = tuple[bytes, int]


class Placer:
    """Writer for files of a store below `root`."""

    def __init__(self, store: Store, root: bytes) -> None:
        self._store, self._root = store, root

    def whole_files(self, _: memoryview, files: Sequence[WholeFile]) -> list[Placed]:
        """Write files of a single blob each, as a worker job. Their folders must exist."""
        form = self._store.format
        taken = (self.place(path, Node(NodeKind[kind], Oid(oid))) for path, kind, oid in files)
        return [(encode(file, form), file.stat.st_size) for file in taken]

    def chunks(self, memory: memoryview, oids: Sequence[bytes]) -> list[tuple[int, int]]:
        """Read chunks into `memory`, as a worker job.

        Return the (start, end) ranges of their content in `memory`, in order.
        """
        places = []
        for start, oid in zip(range(0, len(memory), ROOM), oids, strict=False):
            # Stored blocks stay between their headers, so a chunk needs more room than its content.
            found = self._store.read_into(Oid(oid), memory[start : start + ROOM])
            places += [(start + first, start + last) for first, last in found]
        return places

    def place(self, path: bytes, node: Node) -> FileRead:
        """Write a file of a single blob, or create a link. Its folder must exist."""
        full = self._root + b"/" + path
        temporary = _temporary(full)
        content = self._store.read(node.oid, "blob", WHOLE_LIMIT)
        if node.kind is NodeKind.LINK:
            # Checked before anything is created, since anyone can share a tree.
            stored_names.check_target(content, path)
        with writing(path, temporary):
            if node.kind is NodeKind.LINK:
                _anew(temporary, lambda: os.symlink(content, temporary))
            else:
                fd = _create(temporary, node.kind)
                try:
                    fsio.write_parts(fd, (content,))
                finally:
                    os.close(fd)
            _rename(temporary, full, path)
            # The stat after the rename, which changes the time of status change.
            return FileRead(path, node, os.lstat(full))

    def begin(self, path: bytes, node: Node) -> LargeFile:
        """Return a `LargeFile` for a chunked file. Its folder must exist."""
        return LargeFile(self._root, path, node)


class LargeFile:
    """Chunked file that is written as its chunks arrive.

    It is renamed to its path when it is complete.
    """

    def __init__(self, root: bytes, path: bytes, node: Node) -> None:
        self._path, self._node = path, node
        self._full = root + b"/" + path
        # Smaller files are written at the same time under another temporary name.
        self._temporary = _temporary(self._full) + b"-large"
        self._digest = new_digest()
        self._fd = -1

    def add(self, parts: Sequence[memoryview]) -> None:
        """Write the next parts. The first call creates the temporary file."""
        with writing(self._path, self._temporary):
            if self._fd < 0:
                self._fd = _create(self._temporary, self._node.kind)
            fsio.write_parts(self._fd, parts)
        for part in parts:
            # The digest is computed while the content is in memory, for the stat cache.
            self._digest.update(part)

    def finish(self) -> FileRead:
        """Rename the file to its path and return its stat with the digest of its content."""
        os.close(self._fd)
        self._fd = -1
        with writing(self._path, self._temporary):
            _rename(self._temporary, self._full, self._path)
            info = os.lstat(self._full)
        return FileRead(self._path, self._node, info, self._digest.digest())

    def close(self) -> None:
        """Remove the temporary file if the file is not finished."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            with suppress(OSError):
                os.unlink(self._temporary)


class Placing:
    """Queue of files for a worker pool; it records finished files in the stat cache.

    Raises `DatmoError` soon after more than `most` bytes were written. The jobs in hand are the
    only excess.
    """

    def __init__(
        self, crew: WorkerPool, edit: CacheEdit, progress: Progress, most: int | None = None
    ) -> None:
        self._crew, self._edit, self._progress = crew, edit, progress
        self._most, self._written = most, 0
        self._batch: list[WholeFile] = []
        self._waiting: deque[Callable[[memoryview, Any], None]] = deque()
        self._begun: LargeFile | None = None

    def close(self) -> None:
        """Remove the large file that is not finished."""
        if self._begun is not None:
            self._begun.close()

    def whole(self, path: bytes, node: Node) -> None:
        """Queue a file of a single blob. Workers start with the first full batch."""
        self._batch.append((path, node.kind.name, node.oid))
        if len(self._batch) == BATCH:
            self._crew.start()
            self._submit_batch()

    def large(self, file: LargeFile, chunks: Iterator[Oid]) -> None:
        """Queue a chunked file. Workers start after `FEW_TURNS` jobs."""

        def write(memory: memoryview, places: list[tuple[int, int]]) -> None:
            # Files are written in order, so at most one is unfinished.
            self._begun = file
            # Counted before the write, so that a false record cannot fill the disk.
            self._count(sum(end - start for start, end in places))
            file.add([memory[start:end] for start, end in places])

        turns = 0
        while oids := list(islice(chunks, CHUNKS)):
            self._submit(write, "chunks", oids)
            turns += 1
            if turns == FEW_TURNS:
                self._crew.start()
        # An empty job, so that the file is finished after its last chunk.
        self._submit(lambda *_: self._edit.place(file.finish()), "chunks", [])

    def finish(self) -> None:
        """Write all queued files."""
        self._submit_batch()
        while self._crew:
            self._take()

    def _count(self, size: int) -> None:
        """Count bytes that are written; raise `DatmoError` if they are too many."""
        self._written += size
        if self._most is not None and self._written > self._most:
            raise DatmoError(
                f"the record says {show_size(self._most)}, and more would be written",
                "ask the author of the record; 'git datmo drop ID' hides it",
            )
        self._progress.advance(size)

    def _submit_batch(self) -> None:
        """Submit the queued files of a single blob as a job."""
        batch, self._batch = self._batch, []

        def note(_memory: memoryview, placed: list[Placed]) -> None:
            for (path, _, _), (entry, size) in zip(batch, placed, strict=True):
                self._edit.add(path, entry)
                self._count(size)

        self._submit(note, "files", batch)

    def _submit(
        self, done: Callable[[memoryview, Any], None], job: str, request: Sequence[object]
    ) -> None:
        """Submit a job; `done` receives its buffer and result, in the order of submission."""
        # Results are taken in order of submission, which frees a buffer each.
        while self._crew.slot() is None:
            self._take()
        self._crew.submit(job, request)
        self._waiting.append(done)

    def _take(self) -> None:
        """Process the result of the oldest job and release its buffer."""
        slot, answer = self._crew.take()
        self._waiting.popleft()(slot.memory, answer)
        self._crew.release(slot)


@contextmanager
def writing(path: bytes, temporary: bytes = b"") -> Iterator[None]:
    """Turn an `OSError` in the block into a `DatmoError` about `path`.

    Remove the file `temporary` if the block raises.
    """
    try:
        yield
    except BaseException as error:
        # Also at an interrupt, which must leave no temporary file.
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)
        if isinstance(error, OSError):
            raise DatmoError(
                f"cannot write {show(path)}: {error.strerror}", _HINTS.get(error.errno or 0, "")
            ) from error
        raise


def _temporary(full: bytes) -> bytes:
    """Return the temporary name of a file, in the same folder.

    The process id makes it unique.
    """
    return full[: full.rindex(b"/") + 1] + stored_names.TEMPORARY + b"%d" % os.getpid()


def _create(path: bytes, kind: NodeKind) -> int:
    """Create a new file for writing and return its descriptor."""
    mode = 0o777 if kind is NodeKind.EXECUTABLE else 0o666
    # `O_EXCL` follows no link that is at the temporary name.
    return _anew(
        path, lambda: os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    )


def _rename(temporary: bytes, full: bytes, path: bytes) -> None:
    """Rename the temporary file to its path; replace an empty folder if necessary.

    Raises `DatmoError` if the folder is not empty.
    """
    try:
        os.replace(temporary, full)
    except (IsADirectoryError, NotADirectoryError):
        try:
            os.rmdir(full)
        except OSError as error:
            os.unlink(temporary)
            raise DatmoError(
                f"the folder {show(path)} is in the way of a file", "move it away"
            ) from error
        os.replace(temporary, full)


def sweep(root: Path, folders: Iterable[bytes]) -> None:
    """Remove the half-written files that a killed checkout left in `folders`."""
    for folder in folders:
        with suppress(OSError), os.scandir(os.path.join(os.fsencode(root), folder)) as listing:
            for entry in listing:
                if entry.name.startswith(stored_names.TEMPORARY):
                    os.unlink(entry.path)


def _anew(path: bytes, make: Callable[[], _Made]) -> _Made:
    """Call `make` to create `path`.

    A file that a dead process with the same id left is removed first.
    """
    try:
        return make()
    except FileExistsError:
        os.unlink(path)
        return make()
