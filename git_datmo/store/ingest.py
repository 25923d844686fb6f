"""The pipeline from files to objects: read and cut here, hash and deflate on threads, write here, in order.

Every stage that touches content releases the interpreter's lock, so two cores work at once; the queue between them is
bounded, so memory does not grow with the data.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from git_datmo.errors import DatmoError
from git_datmo.git.deflate import deflate
from git_datmo.git.packwriter import PackEntry, make_entry
from git_datmo.git.paths import show
from git_datmo.model import ObjectFormat, Oid
from git_datmo.progress import Progress
from git_datmo.store import chunks
from git_datmo.store.layout import Kind, Node, write_chunks
from git_datmo.store.store import StoreWriter

if TYPE_CHECKING:
    from concurrent.futures import Future

    from xxhash import xxh3_128

_T = TypeVar("_T")

THREADS = 2
IN_FLIGHT = 6
BATCH_FILES = 128
BATCH_BYTES = 4 << 20
READ = 1 << 20


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


@dataclass(frozen=True, slots=True)
class _Hashed:
    """One piece of content: its entry, unless the store has it already."""

    oid: Oid
    size: int
    entry: PackEntry | None


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
        from concurrent.futures import ThreadPoolExecutor

        self._root = os.fsencode(root)
        self._writer = writer
        self._format = form
        self._progress = progress
        self._recall = recall
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="ingest")
        self._queue: deque[tuple[Future[list[_Hashed]], Callable[[list[_Hashed]], None]]] = deque()

    def __enter__(self) -> Ingest:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def take(self, paths: Iterable[bytes], deliver: Deliver) -> None:
        """Store every file of `paths` and hand each to `deliver`, in order."""
        small: list[tuple[bytes, os.stat_result]] = []
        pending = 0
        for path in paths:
            info = self._inspect(path)
            if stat.S_ISREG(info.st_mode) and info.st_size > chunks.WHOLE_LIMIT:
                self._take_whole(small, deliver)
                small, pending = [], 0
                if not self._take_unchanged(path, info, deliver):
                    self._take_chunked(path, info, deliver)
                continue
            small.append((path, info))
            pending += info.st_size
            if len(small) >= BATCH_FILES or pending >= BATCH_BYTES:
                self._take_whole(small, deliver)
                small, pending = [], 0
        self._take_whole(small, deliver)
        self._drain(0)

    def _full(self, path: bytes) -> bytes:
        return os.path.join(self._root, path)

    def _inspect(self, path: bytes) -> os.stat_result:
        info = _call(os.lstat, self._full(path), path)
        if not (stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode)):
            raise DatmoError(
                f"{show(path)} is {_describe(info.st_mode)}",
                "only files, folders and symbolic links can be stored",
            )
        return info

    def _submit(self, work: Callable[[], list[_Hashed]], done: Callable[[list[_Hashed]], None]) -> None:
        self._drain(IN_FLIGHT - 1)
        self._queue.append((self._pool.submit(work), done))

    def _drain(self, leave: int) -> None:
        while len(self._queue) > leave:
            future, done = self._queue.popleft()
            hashed = future.result()
            for piece in hashed:
                if piece.entry is not None:
                    self._writer.add(piece.entry)
                self._progress.advance(piece.size)
            done(hashed)

    def _hash(self, content: bytes | memoryview) -> _Hashed:
        oid = self._format.hash("blob", content)
        if self._writer.knows(oid):
            return _Hashed(oid, len(content), None)
        return _Hashed(oid, len(content), make_entry(oid, "blob", len(content), deflate(content)))

    def _hash_block(self, block: chunks.Block) -> list[_Hashed]:
        return [self._hash(chunk) for chunk in block.chunks()]

    def _take_whole(self, files: list[tuple[bytes, os.stat_result]], deliver: Deliver) -> None:
        if not files:
            return

        def work() -> list[_Hashed]:
            return [self._hash(self._content(path, info)) for path, info in files]

        def done(hashed: list[_Hashed]) -> None:
            for (path, info), piece in zip(files, hashed, strict=True):
                deliver(Taken(path, Node(_kind(info), piece.oid), info))

        self._submit(work, done)

    def _content(self, path: bytes, info: os.stat_result) -> bytes:
        if stat.S_ISLNK(info.st_mode):
            return _call(os.readlink, self._full(path), path)
        fd = _call(_open, self._full(path), path)
        try:
            content = os.read(fd, info.st_size + 1)
            while 0 < len(content) < info.st_size and (more := os.read(fd, info.st_size + 1 - len(content))):
                content += more
            self._check_unchanged(fd, path, info, len(content))
            return content
        finally:
            os.close(fd)

    def _take_unchanged(self, path: bytes, info: os.stat_result, deliver: Deliver) -> bool:
        """Deliver a file as it was stored before, if it was and has the same content."""
        stored = self._recall(path)
        if stored is None or stored.node.kind is not _kind(info) or stored.size != info.st_size % 2**32:
            return False
        fd = _call(_open, self._full(path), path)
        try:
            digest, size = _digest(fd)
            self._check_unchanged(fd, path, info, size)
        finally:
            os.close(fd)
        file = Taken(path, stored.node, info, digest)
        if file.mark(self._format) != stored.mark:
            return False
        self._submit(list, lambda _: deliver(file))
        self._progress.advance(size)
        return True

    def _take_chunked(self, path: bytes, info: os.stat_result, deliver: Deliver) -> None:
        pieces: list[tuple[Oid, int]] = []
        digest = new_digest()

        def collect(hashed: list[_Hashed]) -> None:
            pieces.extend((piece.oid, piece.size) for piece in hashed)

        def complete(_: list[_Hashed]) -> None:
            oid = write_chunks(pieces, self._writer.put_tree)
            deliver(Taken(path, Node(_kind(info), oid, chunked=True), info, digest.digest()))

        self._writer.expect(info.st_size)
        fd = _call(_open, self._full(path), path)
        try:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL) if hasattr(os, "posix_fadvise") else None
            size = 0
            for block in chunks.split(lambda view: os.readv(fd, [view])):
                size += len(block.data)
                digest.update(block.data)
                self._submit(partial(self._hash_block, block), collect)
            self._check_unchanged(fd, path, info, size)
        finally:
            os.close(fd)
        self._submit(list, complete)

    def _check_unchanged(self, fd: int, path: bytes, before: os.stat_result, size: int) -> None:
        after = os.fstat(fd)
        if (after.st_size, after.st_mtime_ns, after.st_ino) != (before.st_size, before.st_mtime_ns, before.st_ino) or (
            size != before.st_size
        ):
            raise DatmoError(f"{show(path)} changed while it was read", "run this again when nothing writes to it")


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


def _open(path: bytes) -> int:
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _call(function: Callable[[bytes], _T], full: bytes, path: bytes) -> _T:
    """`function(full)`, with what the system refuses told in terms of `path`."""
    try:
        return function(full)
    except OSError as error:
        hint = "make it readable, or leave it out" if isinstance(error, PermissionError) else ""
        raise DatmoError(f"cannot read {show(path)}: {error.strerror}", hint) from error


def _kind(info: os.stat_result) -> Kind:
    if stat.S_ISLNK(info.st_mode):
        return Kind.LINK
    return Kind.EXECUTABLE if info.st_mode & 0o100 else Kind.FILE


def _describe(mode: int) -> str:
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a fifo"), (stat.S_ISSOCK, "a socket"))
    return next((name for test, name in kinds if test(mode)), "a device")
