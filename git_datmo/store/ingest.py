"""The pipeline from files to objects: read and cut here, hash and deflate by a crew, write here, in order.

What waits between the stages is bounded by the crew's memory, so memory does not grow with the data.
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
from git_datmo.git.paths import show
from git_datmo.model import ObjectFormat, Oid
from git_datmo.progress import Progress
from git_datmo.store import chunks
from git_datmo.store.crew import Crew, Slot
from git_datmo.store.hashing import Hashed, Hasher, attempt, check_unchanged, entry_of, identity, open_file
from git_datmo.store.layout import Kind, Node, write_chunks
from git_datmo.store.store import StoreWriter

if TYPE_CHECKING:
    from concurrent.futures import Future

    from xxhash import xxh3_128

# Files that are read in one turn of work: their bytes, and one file more, fit the memory of a turn.
BATCH_FILES = 128
BATCH_BYTES = 4 << 20
READ = 1 << 20
# Turns whose memory was written, and may still be hashed.
IN_WRITING = 2


@dataclass(frozen=True, slots=True)
class Taken:
    """A file as it was read: its node, and the stat that held before and after.

    `digest` is that of the content, by `new_digest`, where the file has several chunks.
    """

    path: bytes
    node: Node
    stat: os.stat_result
    digest: bytes = b""

    def mark(self, form: ObjectFormat) -> bytes:
        """What tells, as quickly as the content can be read, whether a file still is what this node holds.

        As long as an object id; for a file of one blob it is the blob's.
        """
        if not self.node.chunked:
            return self.node.oid
        mark: bytes = form.new_hash(self.digest + self.node.oid).digest()
        return mark


@dataclass(frozen=True, slots=True)
class Stored:
    """What a path held when it was read last, with the mark of that (`Taken.mark`), and its size modulo 2^32."""

    node: Node
    mark: bytes
    size: int


Deliver = Callable[[Taken], None]
Recall = Callable[[bytes], Stored | None]


class Ingest:
    """Takes files into a store's writer; `root` is the folder to which paths are relative.

    `recall` tells of large files that were stored before, which are then cut only if their content is another.
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
        self._crew = Crew({"files": hasher.files, "chunks": hasher.chunks}, chunks.BLOCK)
        self._waiting: deque[Callable[[list[Hashed]], None]] = deque()
        self._written: deque[tuple[Slot, Future[None] | None]] = deque()

    def __enter__(self) -> Ingest:
        return self

    def __exit__(self, *exception: object) -> None:
        self._crew.__exit__(*exception)

    def take(self, paths: Iterable[bytes], deliver: Deliver) -> None:
        """Store every file of `paths` and hand each to `deliver`, in order."""
        small: list[tuple[bytes, os.stat_result]] = []
        pending = 0
        for path in paths:
            info = self._inspect(path)
            if info.st_size > chunks.WHOLE_LIMIT and stat.S_ISREG(info.st_mode):
                self._take_whole(small, deliver)
                small, pending = [], 0
                if not self._take_unchanged(path, info, deliver):
                    self._take_chunked(path, info, deliver)
                continue
            small.append((path, info))
            pending += info.st_size
            if len(small) >= BATCH_FILES or pending >= BATCH_BYTES:
                self._start()
                self._take_whole(small, deliver)
                small, pending = [], 0
        self._take_whole(small, deliver)
        self._drain()

    def _full(self, path: bytes) -> bytes:
        return os.path.join(self._root, path)

    def _inspect(self, path: bytes) -> os.stat_result:
        info = attempt(os.lstat, self._full(path), path)
        if not (stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode)):
            raise Unreadable(
                f"{show(path)} is {_describe(info.st_mode)}",
                "only files, folders and symbolic links can be stored",
                path=path,
            )
        return info

    def _start(self) -> None:
        if not self._crew.started:
            self._writer.settle()
            self._crew.start()

    def _slot(self) -> Slot:
        """The memory for what is submitted next."""
        while (slot := self._crew.slot()) is None:
            self._take_answer()
            self._release(IN_WRITING if self._crew else 0)
        return slot

    def _submit(self, done: Callable[[list[Hashed]], None], job: str, request: Sequence[object]) -> None:
        self._slot()
        self._crew.submit(job, request)
        self._waiting.append(done)

    def _take_answer(self) -> None:
        slot, hashed = self._crew.take()
        for piece in hashed:
            entry = entry_of(piece, slot.memory)
            if entry is not None:
                self._writer.add(entry)
            self._progress.advance(piece[1])
        self._written.append((slot, self._writer.flush()))
        self._waiting.popleft()(hashed)

    def _release(self, leave: int) -> None:
        """Let go of memory that was written, but for the last `leave` slots, which may still be read."""
        while len(self._written) > leave:
            slot, done = self._written.popleft()
            if done is not None:
                done.result()
            self._crew.release(slot)

    def _drain(self) -> None:
        while self._crew:
            self._take_answer()
        self._release(0)

    def _take_whole(self, files: list[tuple[bytes, os.stat_result]], deliver: Deliver) -> None:
        if not files:
            return

        def done(hashed: list[Hashed]) -> None:
            for (path, info), piece in zip(files, hashed, strict=True):
                deliver(Taken(path, Node(_kind(info), Oid(piece[0])), info))

        self._submit(done, "files", [(path, info.st_mode, identity(info)) for path, info in files])

    def _take_unchanged(self, path: bytes, info: os.stat_result, deliver: Deliver) -> bool:
        """Deliver a file as it was stored before, if it was and has the same content."""
        stored = self._recall(path)
        if stored is None or stored.node.kind is not _kind(info) or stored.size != info.st_size % 2**32:
            return False
        fd = open_file(self._full(path), path)
        try:
            digest, size = _digest(fd)
            check_unchanged(fd, path, identity(info), size)
        finally:
            os.close(fd)
        file = Taken(path, stored.node, info, digest)
        if file.mark(self._format) != stored.mark:
            return False
        self._submit(lambda _: deliver(file), "chunks", [])
        self._progress.advance(size)
        return True

    def _take_chunked(self, path: bytes, info: os.stat_result, deliver: Deliver) -> None:
        pieces: list[tuple[Oid, int]] = []
        digest, size = new_digest(), 0

        def read(memory: memoryview) -> int:
            nonlocal size
            # Little enough that the processor still has it at hand for the digest.
            count = os.readv(fd, [memory[:READ]])
            digest.update(memory[:count])
            size += count
            return count

        def collect(hashed: list[Hashed]) -> None:
            pieces.extend((Oid(piece[0]), piece[1]) for piece in hashed)

        def complete(_: list[Hashed]) -> None:
            oid = write_chunks(pieces, self._writer.put_tree)
            deliver(Taken(path, Node(_kind(info), oid, chunked=True), info, digest.digest()))

        self._writer.expect(info.st_size // chunks.AVERAGE_SIZE, info.st_size)
        if info.st_size > chunks.BLOCK:
            self._start()
        fd = open_file(self._full(path), path)
        try:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL) if hasattr(os, "posix_fadvise") else None
            for block in chunks.split(read, lambda: self._slot().memory):
                self._submit(collect, "chunks", block.ends)
            check_unchanged(fd, path, identity(info), size)
        finally:
            os.close(fd)
        self._submit(complete, "chunks", [])


def new_digest() -> xxh3_128:
    """The hash that tells a changed file: XXH3, which is about as fast as memory."""
    from xxhash import xxh3_128

    return xxh3_128()


def _digest(fd: int) -> tuple[bytes, int]:
    """The digest of a file's content, and its length."""
    digest, size = new_digest(), 0
    buffer = memoryview(bytearray(READ))
    while count := os.readv(fd, [buffer]):
        digest.update(buffer[:count])
        size += count
    return digest.digest(), size


def _kind(info: os.stat_result) -> Kind:
    if stat.S_ISLNK(info.st_mode):
        return Kind.LINK
    return Kind.EXECUTABLE if info.st_mode & 0o100 else Kind.FILE


def _describe(mode: int) -> str:
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a fifo"), (stat.S_ISSOCK, "a socket"))
    return next((name for test, name in kinds if test(mode)), "a device")
