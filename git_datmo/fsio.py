"""Durable steps on the file system: write, fsync, rename; and locks that die with their process."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from git_datmo import permissions
from git_datmo.permissions import FILE

COPIED_AT_ONCE = 1 << 30
# Systems take 1,024 at most (IOV_MAX).
PARTS_AT_ONCE = 1000
_NOT_BY_THE_KERNEL = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)
# File systems that cannot fsync a folder, or any file, say so in these ways.
_NOT_SYNCED = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.ENOSYS)


def sync(fd: int) -> None:
    """Make a file or folder durable, where its file system can."""
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _NOT_SYNCED:
            raise


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable, where its file system can."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        # A folder that one may write to and not read cannot be opened.
        if error.errno in (*_NOT_SYNCED, errno.EACCES):
            return
        raise
    try:
        sync(fd)
    finally:
        os.close(fd)


def file_time(folder: Path) -> int:
    """Return the time, in ns, that the file system of `folder` gives to a file that changes now.

    A server's clock can differ from this machine's. In a folder that may not be written, this
    machine's clock counts.
    """
    try:
        fd, path = permissions.create_temporary(folder, ".tmp-")
    except OSError:
        return time.time_ns()
    try:
        os.unlink(path)
        return os.fstat(fd).st_ctime_ns
    finally:
        os.close(fd)


@contextlib.contextmanager
def replacing(path: Path, *, mode: int = FILE, prefix: str = ".tmp-") -> Iterator[BinaryIO]:
    """Yield a file to write, and read, that takes the place of `path` when the block ends well.

    A crash leaves the old content or the new, never a part. It can leave a file beside it whose
    name starts with `prefix`. `mode` is that of a new file before the umask and
    `core.sharedRepository` change it.
    """
    permissions.make_folder(path.parent)
    fd, temporary = permissions.create_temporary(path.parent, prefix, mode)
    try:
        with os.fdopen(fd, "w+b") as file:
            yield file
            file.flush()
            sync(fd)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    sync_folder(path.parent)


def write_file(path: Path, data: bytes, *, mode: int = FILE, prefix: str = ".tmp-") -> None:
    """Put `data` at `path`, as `replacing` does."""
    with replacing(path, mode=mode, prefix=prefix) as file:
        file.write(data)


def copy_content(source: BinaryIO, target: BinaryIO) -> None:
    """Copy a file that was just opened into a new one: by the kernel where it can, which then
    shares the blocks between the two where the file system can (copy_file_range(2)).
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


def append(path: Path, data: bytes) -> None:
    """Add `data` to a file by one write, so that what two processes append at once does not mix."""
    permissions.make_folder(path.parent)
    fd = permissions.open_file(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)


def append_line(path: Path, line: bytes) -> None:
    """Add a line to a file durably. A crash can leave a part of it, which the next line does not
    join."""
    permissions.make_folder(path.parent)
    fd = permissions.open_file(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(fd, b"\n" + line + b"\n")
        sync(fd)
    finally:
        os.close(fd)
