"""Write layers of images as tar files that depend on their content alone.

A layer has no times, no owners and no order of its own: entries are sorted by path, belong to
root, and are as old as the epoch. So two machines write the same bytes, and layers that hold the
same files have the same digest. Layers are not compressed, since the output of a compressor
changes with its version (OCI image specification, "Image Layer Filesystem Changeset").
"""

from __future__ import annotations

import hashlib
import io
import posixpath
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

FILE_MODE, PROGRAM_MODE, FOLDER_MODE = 0o644, 0o755, 0o755
_PIECE = 1 << 20


class Source(Protocol):
    """Content of a file, of `size` bytes."""

    @property
    def size(self) -> int:
        """Return the length of the content in bytes."""

    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Open the content for reading."""


@dataclass(frozen=True, slots=True)
class BytesSource:
    """Content in memory."""

    content: bytes

    @property
    def size(self) -> int:
        """Return the length of the content."""
        return len(self.content)

    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Open the content for reading."""
        return io.BytesIO(self.content)


@dataclass(frozen=True, slots=True)
class DiskSource:
    """Content of a file on disk, which must not change meanwhile."""

    path: Path

    @property
    def size(self) -> int:
        """Return the size of the file."""
        return self.path.stat().st_size

    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Open the file for reading."""
        return self.path.open("rb")


@dataclass(frozen=True, slots=True)
class LayerFile:
    """File of a layer at an absolute `path`; a link if `target` is not empty."""

    path: str
    source: Source | None = None
    is_program: bool = False
    target: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """Uncompressed layer in a file named by its SHA-256. `digest` is `sha256:…`."""

    digest: str
    size: int
    path: Path
    comment: str


def write_layer(files: Iterable[LayerFile], folder: Path, comment: str) -> Layer:
    """Write a layer into `folder`, which keeps layers by their digests, and return it.

    `comment` is the line about the layer in the image's history.
    """
    part = folder / "part"
    digest = hashlib.sha256()
    with part.open("wb") as out:
        for piece in _archive(files):
            digest.update(piece)
            out.write(piece)
    path = part.replace(folder / digest.hexdigest())
    return Layer(f"sha256:{digest.hexdigest()}", path.stat().st_size, path, comment)


def files_below(folder: Path, to: str) -> Iterator[LayerFile]:
    """Yield the files and links below `folder`, to be put below the absolute path `to`.

    Other kinds of files, such as sockets, are left out.
    """
    for path in sorted(folder.rglob("*")):
        name = posixpath.join(to, path.relative_to(folder).as_posix())
        if path.is_symlink():
            yield LayerFile(name, target=str(path.readlink()))
        elif path.is_file():
            # The other bits depend on the umask of the machine.
            is_program = bool(path.stat().st_mode & 0o100)
            yield LayerFile(name, DiskSource(path), is_program=is_program)


def _archive(files: Iterable[LayerFile]) -> Iterator[bytes]:
    """Yield the tar file of a layer: each folder before its files."""
    made = {"/"}
    for file in sorted(files, key=lambda each: each.path):
        yield from _folders(file.path, made)
        yield from _entry(file)
    # Two empty blocks end a tar file.
    yield bytes(2 * tarfile.BLOCKSIZE)


def _folders(path: str, made: set[str]) -> Iterator[bytes]:
    """Yield entries of the folders above `path` that are not in `made`, and add them."""
    above = []
    folder = posixpath.dirname(path)
    while folder not in made:
        above.append(folder)
        made.add(folder)
        folder = posixpath.dirname(folder)
    for each in reversed(above):
        entry = _header(each)
        entry.type, entry.mode = tarfile.DIRTYPE, FOLDER_MODE
        yield _encode(entry)


def _entry(file: LayerFile) -> Iterator[bytes]:
    """Yield the entry of a file or link: header, content, and padding to a full block."""
    entry = _header(file.path)
    if file.source is None:
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, file.target, 0o777
        yield _encode(entry)
        return
    entry.mode = PROGRAM_MODE if file.is_program else FILE_MODE
    entry.size = file.source.size
    yield _encode(entry)
    with file.source.open() as content:
        written = 0
        while piece := content.read(_PIECE):
            written += len(piece)
            yield piece
    # The header is written already, so all entries behind would be read at wrong offsets.
    if written != entry.size:
        raise OSError(f"'{file.path}' has {written} bytes and not {entry.size}: it has changed")
    yield bytes(-entry.size % tarfile.BLOCKSIZE)


def _header(path: str) -> tarfile.TarInfo:
    """Return an entry without owner and time; its name is relative, as engines write it."""
    return tarfile.TarInfo(path.lstrip("/"))


def _encode(entry: tarfile.TarInfo) -> bytes:
    """Return the header in the pax format, which has room for any name and size."""
    return entry.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def copy_layer(layer: Path, digest: str, folder: Path, comment: str) -> Layer:
    """Take a layer that exists as a file into `folder`, without a second copy where possible."""
    path = folder / digest.removeprefix("sha256:")
    if not path.exists():
        try:
            path.hardlink_to(layer)
        except OSError:
            # Another file system, or one without hard links.
            shutil.copyfile(layer, path)
    return Layer(digest, path.stat().st_size, path, comment)
