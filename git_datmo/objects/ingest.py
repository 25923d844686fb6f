"""Pipeline from files to objects.

This process reads files and cuts them into chunks. Workers hash and compress them. This process
then writes the objects, in order. The worker pool's buffers limit the data between the stages, so
memory use does not grow with the data.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.errors import Unreadable
from git_datmo.git.safe_paths import show
from git_datmo.model import ObjectFormat, Oid
from git_datmo.objects import chunks
from git_datmo.objects.chunk_trees import write_chunks
from git_datmo.objects.content_jobs import (
    Hashed,
    Hasher,
    attempt,
    check_unchanged,
    entry_of,
    identity,
    open_file,
)
from git_datmo.objects.store import StoreWriter
from git_datmo.objects.tree_nodes import Node, NodeKind
from git_datmo.objects.worker_pool import SharedBuffer, WorkerPool
from git_datmo.progress import Progress

if TYPE_CHECKING:
    from concurrent.futures import Future

    from xxhash import xxh3_128

# Files that a worker reads in a job. Their bytes, plus another file, must fit into a shared buffer.
BATCH_FILES = 128
BATCH_BYTES = 4 << 20
READ = 1 << 20
# Buffers that were written to the pack while a thread may still hash them.
IN_WRITING = 2


@dataclass(frozen=True, slots=True)
class FileRead:
    """File as it was read: its node, and the stat that was the same before and after.

    `digest` is the digest of the content by `new_digest`. It is empty for a file of a single blob.
    """

    path: bytes
    node: Node
    stat: os.stat_result
    digest: bytes = b""

    def mark(self, form: ObjectFormat) -> bytes:
        """Return a mark that changes when the content changes.

        It takes no longer to compute than to read the content. It is as long as an object id. For a
        file of a single blob it is the blob's id.
        """
        if not self.node.chunked:
            return self.node.oid
        mark: bytes = form.new_hash(self.digest + self.node.oid).digest()
        return mark


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Result of the last read of a path.

    `mark` is the mark of the file (`FileRead.mark`). `size` is its size modulo 2^32.
    """

    node: Node
    mark: bytes
    size: int


Deliver = Callable[[FileRead], None]
Recall = Callable[[bytes], StoredFile | None]


class Ingest:
    """Reader that stores files with a store writer.

    `root` is the folder to which paths are relative. `recall` returns the earlier result for a
    large file. The file is cut into chunks again only if its content differs.
    """

    def __init__(
        self,
        root: Path,
        writer: StoreWriter,
        form: ObjectFormat,
        progress: Progress,
        recall: Recall = lambda _: None,
    ) -> None:
        self._root = os.fsencode(root)
        self._writer = writer
        self._format = form
        self._progress = progress
        self._recall = recall
        hasher = Hasher(self._root, form, writer.knows)
        self._crew = WorkerPool({"files": hasher.files, "chunks": hasher.chunks}, chunks.BLOCK)
        self._waiting: deque[Callable[[list[Hashed]], None]] = deque()
        self._written: deque[tuple[SharedBuffer, Future[None] | None]] = deque()

    def __enter__(self) -> Ingest:
        return self

    def __exit__(self, *exception: object) -> None:
        self._crew.__exit__(*exception)

    def take(self, paths: Iterable[bytes], deliver: Deliver) -> None:
        """Store every file of `paths` and call `deliver` for each, in order.

        Raises `Unreadable` if a file cannot be read, changes during the read, or is of an
        unsupported type.
        """
        small: list[tuple[bytes, os.stat_result]] = []
        pending = 0
        for path in paths:
            info = self._inspect(path)
            if info.st_size > chunks.WHOLE_LIMIT and stat.S_ISREG(info.st_mode):
                # Files are delivered in order, so the small ones before this one go first.
                self._take_whole(small, deliver)
                small, pending = [], 0
                if not self._take_unchanged(path, info, deliver):
                    self._take_chunked(path, info, deliver)
                continue
            small.append((path, info))
            pending += info.st_size
            if len(small) >= BATCH_FILES or pending >= BATCH_BYTES:
                # A full batch shows that there is enough work for workers.
                self._start()
                self._take_whole(small, deliver)
                small, pending = [], 0
        self._take_whole(small, deliver)
        self._drain()

    def _full(self, path: bytes) -> bytes:
        """Return the full path of a file."""
        return os.path.join(self._root, path)

    def _inspect(self, path: bytes) -> os.stat_result:
        """Return the stat of a path; raise `Unreadable` unless it is a regular file or a link."""
        info = attempt(os.lstat, self._full(path), path)
        if not (stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode)):
            raise Unreadable(
                f"{show(path)} is {_describe(info.st_mode)}",
                "only files, folders and symbolic links can be stored",
                path=path,
            )
        return info

    def _start(self) -> None:
        """Start the workers.

        First end the writer's thread, since a process with threads cannot fork safely.
        """
        if not self._crew.started:
            self._writer.settle()
            self._crew.start()

    def _slot(self) -> SharedBuffer:
        """Return a free buffer for the next job; process finished jobs until a buffer is free."""
        while (slot := self._crew.slot()) is None:
            self._take_answer()
            # Without running jobs, only the writer's thread can free a buffer, so wait for it.
            self._release(IN_WRITING if self._crew else 0)
        return slot

    def _submit(
        self, done: Callable[[list[Hashed]], None], job: str, request: Sequence[object]
    ) -> None:
        """Submit a job; `done` receives its result, in the order of submission."""
        self._slot()
        self._crew.submit(job, request)
        self._waiting.append(done)

    def _take_answer(self) -> None:
        """Write the result of the oldest job to the pack and call its `done` function."""
        slot, hashed = self._crew.take()
        for piece in hashed:
            entry = entry_of(piece, slot.memory)
            if entry is not None:
                self._writer.add(entry)
            self._progress.advance(piece[1])
        # The pack's hash is still computed from this memory, so the buffer is not free yet.
        self._written.append((slot, self._writer.flush()))
        self._waiting.popleft()(hashed)

    def _release(self, leave: int) -> None:
        """Release written buffers, except the last `leave`.

        The writer's thread may still read those.
        """
        while len(self._written) > leave:
            slot, done = self._written.popleft()
            if done is not None:
                done.result()
            self._crew.release(slot)

    def _drain(self) -> None:
        """Process all submitted jobs."""
        while self._crew:
            self._take_answer()
        self._release(0)

    def _take_whole(self, files: list[tuple[bytes, os.stat_result]], deliver: Deliver) -> None:
        """Submit a job for small files, each stored as a single blob."""
        if not files:
            return

        def done(hashed: list[Hashed]) -> None:
            for (path, info), piece in zip(files, hashed, strict=True):
                deliver(FileRead(path, Node(_kind(info), Oid(piece[0])), info))

        self._submit(done, "files", [(path, info.st_mode, identity(info)) for path, info in files])

    def _take_unchanged(self, path: bytes, info: os.stat_result, deliver: Deliver) -> bool:
        """Deliver a large file with its earlier node if its content is unchanged.

        Return False otherwise.
        """
        stored = self._recall(path)
        # The index of git has the size in 32 bits only.
        if (
            stored is None
            or stored.node.kind is not _kind(info)
            or stored.size != info.st_size % 2**32
        ):
            return False
        fd = open_file(self._full(path), path)
        try:
            digest, size = _digest(fd)
            check_unchanged(fd, path, identity(info), size)
        finally:
            os.close(fd)
        file = FileRead(path, stored.node, info, digest)
        if file.mark(self._format) != stored.mark:
            return False
        # An empty job: the file is delivered after the results of all jobs before it.
        self._submit(lambda _: deliver(file), "chunks", [])
        self._progress.advance(size)
        return True

    def _take_chunked(self, path: bytes, info: os.stat_result, deliver: Deliver) -> None:
        """Cut a large file into chunks, submit them, and deliver the file after its last chunk."""
        pieces: list[tuple[Oid, int]] = []
        digest, size = new_digest(), 0

        def read(memory: memoryview) -> int:
            nonlocal size
            # Small enough that the data is still in the processor cache for the digest.
            count = os.readv(fd, [memory[:READ]])
            digest.update(memory[:count])
            size += count
            return count

        def collect(hashed: list[Hashed]) -> None:
            pieces.extend((Oid(piece[0]), piece[1]) for piece in hashed)

        def complete(_: list[Hashed]) -> None:
            oid = write_chunks(pieces, self._writer.put_tree)
            deliver(FileRead(path, Node(_kind(info), oid, chunked=True), info, digest.digest()))

        self._writer.expect(info.st_size // chunks.AVERAGE_SIZE, info.st_size)
        # A file of one block gains nothing from workers.
        if info.st_size > chunks.BLOCK:
            self._start()
        fd = open_file(self._full(path), path)
        try:
            if hasattr(os, "posix_fadvise"):
                # The kernel then reads further ahead (posix_fadvise(2)).
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
            for block in chunks.split(read, lambda: self._slot().memory):
                self._submit(collect, "chunks", block.ends)
            # Checked after the last read: until then, the file could still change.
            check_unchanged(fd, path, identity(info), size)
        finally:
            os.close(fd)
        # An empty job, so that the tree is written after the last chunk.
        self._submit(complete, "chunks", [])


def new_digest() -> xxh3_128:
    """Return a new XXH3 hash object, used to detect changed files.

    XXH3 is about as fast as memory.
    """
    from xxhash import xxh3_128

    return xxh3_128()


def _digest(fd: int) -> tuple[bytes, int]:
    """Return the digest of an open file's content and its length in bytes."""
    digest, size = new_digest(), 0
    buffer = memoryview(bytearray(READ))
    while count := os.readv(fd, [buffer]):
        digest.update(buffer[:count])
        size += count
    return digest.digest(), size


def _kind(info: os.stat_result) -> NodeKind:
    """Return the node kind of a regular file or link."""
    if stat.S_ISLNK(info.st_mode):
        return NodeKind.LINK
    # Only the owner's bit counts, as in git.
    return NodeKind.EXECUTABLE if info.st_mode & 0o100 else NodeKind.FILE


def _describe(mode: int) -> str:
    """Return the name of an unsupported file type, for an error message."""
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a fifo"), (stat.S_ISSOCK, "a socket"))
    return next((name for test, name in kinds if test(mode)), "a device")
