"""Files to and from an engine on another machine, as tar streams through its API: it cannot mount
what is here.

What comes back is taken as the effect of the run: files that it changed or made are written, those
that it removed are removed. Files are sent with times of decades ago, in their order, which make
decides by. What still has the time that it was sent with was not written.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, cast

from git_datmo.errors import DatmoError

# The repository's own data stay here: they are large, and nobody's input.
LEFT_HERE = ".git"
# How much older files are sent, in seconds.
AGED = 800_000_000


@dataclass(slots=True)
class FolderTransfer:
    """A folder on its way: `owner` is who runs there as uid and gid, `read_only` are paths that
    must not be written."""

    folder: Path
    owner: tuple[int, int]
    read_only: Sequence[str] = ()
    _sent: dict[str, tuple[int, int]] = field(default_factory=dict)

    def pack(self) -> Iterator[bytes]:
        """The folder as a tar stream."""
        source, target = os.pipe()
        problems: list[BaseException] = []

        def write() -> None:
            try:
                with (
                    open(target, "wb") as pipe,
                    tarfile.open(fileobj=pipe, mode="w|", format=tarfile.PAX_FORMAT) as archive,
                ):
                    archive.add(self.folder, ".", recursive=True, filter=self._dress)
            except BaseException as error:  # noqa: BLE001 - raised again by who reads
                problems.append(error)

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        with open(source, "rb") as pipe:
            while data := pipe.read(1 << 20):
                yield data
        writer.join()
        if problems:
            raise DatmoError(
                f"cannot send '{self.folder}' to the container engine: {problems[0]}"
            ) from problems[0]

    def _dress(self, entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        path = entry.name.removeprefix("./")
        if path == LEFT_HERE or entry.isfifo() or entry.ischr() or entry.isblk():
            return None
        entry.uid, entry.gid = self.owner
        entry.uname = entry.gname = ""
        entry.mtime = max(1, int(entry.mtime) - AGED)
        if entry.islnk():
            # The second name of a file travels as a file of its own.
            entry.type, entry.size, entry.linkname = (
                tarfile.REGTYPE,
                (self.folder / path).stat().st_size,
                "",
            )
        if self._is_read_only(path):
            # The run has no power to write what root owns and nobody may write.
            entry.uid = entry.gid = 0
            entry.mode = entry.mode & ~0o222 | 0o444
        self._sent[path] = (entry.size if entry.isreg() else -1, int(entry.mtime))
        return entry

    def _is_read_only(self, path: str) -> bool:
        return any(path == top or path.startswith(f"{top}/") for top in self.read_only)

    def _is_within(self, path: str) -> bool:
        """Return whether every folder on the way to `path` is one."""
        above = [self.folder / part for part in PurePosixPath(path).parents]
        return all(
            folder.is_dir() and (folder == self.folder or not folder.is_symlink())
            for folder in above
        )

    def unpack(self, stream: Iterable[bytes]) -> None:
        """Let the folder be as the run left it; raises `DatmoError` for a stream that leads out of
        it."""
        seen: set[str] = set()
        try:
            with tarfile.open(
                fileobj=cast("IO[bytes]", StreamReader(stream)), mode="r|"
            ) as archive:
                for entry in archive:
                    path = entry.name.partition("/")[2].rstrip("/")
                    if not path or path == LEFT_HERE or path.startswith(f"{LEFT_HERE}/"):
                        continue
                    seen.add(path)
                    if not self._is_read_only(path):
                        self._take(archive, entry, path)
        except (tarfile.TarError, OSError) as error:
            raise DatmoError(f"cannot take what the run wrote: {error}") from error
        for path in sorted(self._sent.keys() - seen - {"."}, reverse=True):
            # A folder that the run replaced took along what was in it; behind a link is somebody
            # else's file.
            if not self._is_read_only(path) and self._is_within(path):
                _remove(self.folder / path)

    def _take(self, archive: tarfile.TarFile, entry: tarfile.TarInfo, path: str) -> None:
        untouched = entry.isreg() and self._sent.get(path) == (entry.size, entry.mtime)
        there = self.folder / path
        if untouched or (entry.isdir() and there.is_dir() and not there.is_symlink()):
            return
        if entry.islnk():
            entry.linkname = entry.linkname.partition("/")[2]
        inside = tarfile.tar_filter(entry.replace(name=path, deep=False), str(self.folder))
        _remove(there)
        archive.extract(inside, self.folder, filter="fully_trusted")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class StreamReader:
    """Pieces of bytes as `tarfile` reads a stream."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = bytearray()

    def read(self, size: int) -> bytes:
        while len(self._rest) < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._rest += piece
        taken = bytes(self._rest[:size])
        del self._rest[:size]
        return taken
