"""Durable steps on the file system: write, fsync, rename; and locks that die with their process."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, BinaryIO

from git_datmo.errors import DatmoError

COPIED_AT_ONCE = 1 << 30
# Systems take 1,024 at most (IOV_MAX).
PARTS_AT_ONCE = 1000
_NOT_BY_THE_KERNEL = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def replacing(path: Path, *, mode: int = 0o644, prefix: str = ".tmp-") -> Iterator[BinaryIO]:
    """A file to write, and read, that takes the place of `path` when the block ends well.

    A crash leaves the old content or the new, never a part. What it can leave beside it is a file whose name starts
    with `prefix`.
    """
    import tempfile

    path.parent.mkdir(parents=True, exist_ok=True)
    fd, name = tempfile.mkstemp(prefix=prefix, dir=path.parent)
    try:
        with os.fdopen(fd, "w+b") as file:
            yield file
            file.flush()
            os.fchmod(fd, mode)
            os.fsync(fd)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
    sync_folder(path.parent)


def write_file(path: Path, data: bytes, *, mode: int = 0o644, prefix: str = ".tmp-") -> None:
    """Put `data` at `path`, as `replacing` does."""
    with replacing(path, mode=mode, prefix=prefix) as file:
        file.write(data)


def copy_content(source: BinaryIO, target: BinaryIO) -> None:
    """Copy a file that was just opened into a new one: by the kernel where it can, which then shares the blocks between
    the two where the file system can (copy_file_range(2)).
    """
    import shutil

    if hasattr(os, "copy_file_range"):
        try:
            while os.copy_file_range(source.fileno(), target.fileno(), COPIED_AT_ONCE):
                pass
        except OSError as error:
            if error.errno not in _NOT_BY_THE_KERNEL:
                raise
    # What is left, from where the kernel stopped.
    shutil.copyfileobj(source, target, 1 << 20)


def write_parts(fd: int, parts: Sequence[bytes | memoryview]) -> None:
    """Write all of `parts`, in order, with few calls (writev(2))."""
    for first in range(0, len(parts), PARTS_AT_ONCE):
        group = parts[first : first + PARTS_AT_ONCE]
        done = os.writev(fd, group)
        if done < sum(map(len, group)):
            # A short write is rare (a signal, a nearly full disk): it is finished the plain way.
            rest = memoryview(b"".join(group))[done:]
            while rest:
                rest = rest[os.write(fd, rest) :]


def append_line(path: Path, line: bytes) -> None:
    """Add a line to a file. A crash can leave a part of it, which the next line does not join."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(fd, b"\n" + line + b"\n")
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False, seconds: float = 60.0) -> Iterator[None]:
    """Hold the lock file `path`; the kernel lets go of it when the process ends, however it ends.

    A `shared` lock keeps out only those who want it for themselves; where the folder cannot be written to there is
    nobody to keep out. Raises `DatmoError` when another process keeps the lock longer than `seconds`.
    """
    file = _open_lock(path, optional=shared)
    if file is None:
        yield
        return
    with file:
        until = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise DatmoError(
                        f"another git-datmo command holds '{path}'", "wait until it ends, then run this again"
                    ) from None
                time.sleep(0.02)
        yield


def _open_lock(path: Path, *, optional: bool) -> IO[str] | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "w")
    except OSError as error:
        if optional and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return None
        raise
