"""Copy a folder to an engine on another machine and back, as tar streams through its API.

The returned files are the effect of the run: changed and new files are written, and removed files
are removed. Files are sent with times of decades ago, in unchanged order, since make compares
times. A file that still has its sent time was not written.
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

# The git folder is not sent. It is large, and no command needs it.
LEFT_HERE = ".git"
# Seconds by which the times of sent files are reduced.
AGED = 800_000_000


@dataclass(slots=True)
class FolderTransfer:
    """A folder that is copied to an engine and back.

    `owner` is the uid and gid of the command. `read_only` are paths that the command must not
    write. `_sent` has size and time of each sent path; the size is -1 if it is not a file.
    """

    folder: Path
    owner: tuple[int, int]
    read_only: Sequence[str] = ()
    _sent: dict[str, tuple[int, int]] = field(default_factory=dict)

    def pack(self) -> Iterator[bytes]:
        """Yield the folder as a tar stream; raise `DatmoError` if it cannot be read."""
        source, target = os.pipe()
        problems: list[BaseException] = []

        def write() -> None:
            """Write the tar stream in a thread; the reader raises its errors."""
            try:
                with (
                    open(target, "wb") as pipe,
                    # The pax format has no limits on sizes and on the length of names.
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
        """Return a tar entry with its owner, time and mode for the engine; None to leave it out."""
        path = entry.name.removeprefix("./")
        if path == LEFT_HERE or entry.isfifo() or entry.ischr() or entry.isblk():
            return None
        entry.uid, entry.gid = self.owner
        entry.uname = entry.gname = ""
        entry.mtime = max(1, int(entry.mtime) - AGED)
        if entry.islnk():
            # A hard link is sent as a separate file.
            entry.type, entry.size, entry.linkname = (
                tarfile.REGTYPE,
                (self.folder / path).stat().st_size,
                "",
            )
        if self._is_read_only(path):
            # The command cannot write a file that belongs to root and is writable by no user.
            entry.uid = entry.gid = 0
            entry.mode = entry.mode & ~0o222 | 0o444
        self._sent[path] = (entry.size if entry.isreg() else -1, int(entry.mtime))
        return entry

    def _is_read_only(self, path: str) -> bool:
        """Return True if `path` is read-only or lies in a read-only folder."""
        return any(path == top or path.startswith(f"{top}/") for top in self.read_only)

    def _is_within(self, path: str) -> bool:
        """Return True if every folder above `path` exists and is not a link."""
        above = [self.folder / part for part in PurePosixPath(path).parents]
        return all(
            folder.is_dir() and (folder == self.folder or not folder.is_symlink())
            for folder in above
        )

    def unpack(self, stream: Iterable[bytes]) -> None:
        """Apply the changes of the run to the folder.

        Raises `DatmoError` if an entry of the stream leads out of the folder.
        """
        seen: set[str] = set()
        try:
            with tarfile.open(
                fileobj=cast("IO[bytes]", StreamReader(stream)), mode="r|"
            ) as archive:
                for entry in archive:
                    # Names begin with the last folder of the path that the engine was asked for.
                    path = entry.name.partition("/")[2].rstrip("/")
                    # The run may have made a `.git`, which must not replace the user's.
                    if not path or path == LEFT_HERE or path.startswith(f"{LEFT_HERE}/"):
                        continue
                    seen.add(path)
                    if not self._is_read_only(path):
                        self._take(archive, entry, path)
        except (tarfile.TarError, OSError) as error:
            raise DatmoError(f"cannot copy what the run wrote: {error}") from error
        for path in sorted(self._sent.keys() - seen - {"."}, reverse=True):
            # If the run replaced a folder by a link, its files are already gone. A path through the
            # link would name a foreign file.
            if not self._is_read_only(path) and self._is_within(path):
                _remove(self.folder / path)

    def _take(self, archive: tarfile.TarFile, entry: tarfile.TarInfo, path: str) -> None:
        """Write an entry unless the run left it unchanged."""
        untouched = entry.isreg() and self._sent.get(path) == (entry.size, entry.mtime)
        there = self.folder / path
        if untouched or (entry.isdir() and there.is_dir() and not there.is_symlink()):
            return
        if entry.islnk():
            entry.linkname = entry.linkname.partition("/")[2]
        # The filter refuses a path that leads out of the folder (PEP 706). `data_filter` would also
        # refuse absolute links, which a run may write.
        inside = tarfile.tar_filter(entry.replace(name=path, deep=False), str(self.folder))
        _remove(there)
        archive.extract(inside, self.folder, filter="fully_trusted")


def _remove(path: Path) -> None:
    """Remove a file, link or folder. A missing path is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class StreamReader:
    """A file-like reader of an iterable of bytes, for `tarfile`."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = bytearray()

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes; fewer only at the end."""
        while len(self._rest) < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._rest += piece
        taken = bytes(self._rest[:size])
        del self._rest[:size]
        return taken
