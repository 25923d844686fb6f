"""Puts files in their places below a folder, each whole: it is written beside its place and renamed into it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from git_datmo.errors import DatmoError
from git_datmo.git.paths import show
from git_datmo.model import Oid
from git_datmo.store import names
from git_datmo.store.ahead import ahead
from git_datmo.store.entries import encode
from git_datmo.store.ingest import Taken, new_digest
from git_datmo.store.layout import Kind, Node, read_chunks
from git_datmo.store.store import Store

_Made = TypeVar("_Made")

# A file of one blob: its path, the name of its kind, its object.
# What comes of it: its entry in the stat cache, and its size.
WholeFile = tuple[bytes, str, bytes]
Placed = tuple[bytes, int]


class Placer:
    """Writes files of a store below `root`; `advance` is told of the bytes of those that have several chunks."""

    def __init__(self, store: Store, root: bytes, advance: Callable[[int], None]) -> None:
        self._store, self._root, self._advance = store, root, advance

    def whole_files(self, _: memoryview, files: Sequence[WholeFile]) -> list[Placed]:
        """Place files of one blob each, as a crew's job; the folders are there."""
        form = self._store.format
        taken = (self.place(path, Node(Kind[kind], Oid(oid))) for path, kind, oid in files)
        return [(encode(file, form), file.stat.st_size) for file in taken]

    def place(self, path: bytes, node: Node) -> Taken:
        """Write a file, or make a link, whose folder is there."""
        full = self._root + b"/" + path
        temporary = full[: full.rindex(b"/") + 1] + names.TEMPORARY + b"%d" % os.getpid()
        digest = b""
        if node.kind is Kind.LINK:
            target = self._store.read(node.oid, "blob")
            _anew(temporary, lambda: os.symlink(target, temporary))
        else:
            digest = self._write(temporary, node)
        _rename(temporary, full, path)
        return Taken(path, node, os.lstat(full), digest)

    def _write(self, path: bytes, node: Node) -> bytes:
        """Write a new file; returns the digest of what has several chunks, by which a change is told (`Taken`)."""
        mode = 0o777 if node.kind is Kind.EXECUTABLE else 0o666
        fd = _anew(path, lambda: os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode))
        try:
            if not node.chunked:
                _write_all(fd, self._store.read(node.oid, "blob"))
                return b""
            digest = new_digest()
            for content in self._chunks(node):
                _write_all(fd, content)
                digest.update(content)
                self._advance(len(content))
            return digest.digest()
        finally:
            os.close(fd)

    def _chunks(self, node: Node) -> Iterator[bytes]:
        return ahead(lambda oid: self._store.read(oid, "blob"), read_chunks(node.oid, self._store.read_tree))


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


def _write_all(fd: int, content: bytes) -> None:
    done = os.write(fd, content)
    while done < len(content):
        done += os.write(fd, memoryview(content)[done:])
