"""Durable writes: write, fsync, rename. Also appends to files and copies of files."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from git_datmo import permissions
from git_datmo.errors import DatmoError
from git_datmo.permissions import FILE

COPIED_AT_ONCE = 1 << 30
# Buffers in a writev call. Systems accept at most 1,024 (IOV_MAX).
PARTS_AT_ONCE = 1000
_NOT_BY_THE_KERNEL = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)
# Errors of file systems that cannot fsync a folder, or any file.
_NOT_SYNCED = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.ENOSYS)


def current_folder() -> Path:
    """Return the current working directory; raise `DatmoError` in git's words if it is gone."""
    try:
        return Path.cwd()
    except OSError as error:
        raise DatmoError(
            f"Unable to read current working directory: {error.strerror}",
            "change to a folder that exists",
        ) from error


def sync(fd: int) -> None:
    """Make a file or folder durable if its file system can."""
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _NOT_SYNCED:
            raise


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable if its file system can."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        # A writable folder without read permission cannot be opened.
        if error.errno in (*_NOT_SYNCED, errno.EACCES):
            return
        raise
    try:
        sync(fd)
    finally:
        os.close(fd)


def file_time(folder: Path) -> int:
    """Return the time in ns that a file changed now in `folder` would have.

    The clock of a file server can differ from this machine's. The result is this machine's time if
    `folder` is not writable.
    """
    try:
        fd, path = permissions.create_temporary(folder, ".tmp-")
    except OSError:
        return time.time_ns()
    try:
        os.unlink(path)
        # The time of status change, since programs can set that of modification.
        return os.fstat(fd).st_ctime_ns
    finally:
        os.close(fd)


@contextlib.contextmanager
def replacing(path: Path, *, mode: int = FILE, prefix: str = ".tmp-") -> Iterator[BinaryIO]:
    """Yield a file that replaces `path` when the block ends without an error.

    After a crash, `path` has the old or the new content, never a part. A temporary file whose name
    starts with `prefix` can remain. `mode` is the mode before the umask and
    `core.sharedRepository`. Order: fsync the file, rename it, fsync the folder.
    """
    permissions.make_folder(path.parent)
    fd, temporary = permissions.create_temporary(path.parent, prefix, mode)
    try:
        with os.fdopen(fd, "w+b") as file:
            yield file
            # `fsync` knows nothing of the file object's own buffer.
            file.flush()
            sync(fd)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    sync_folder(path.parent)


def write_file(path: Path, data: bytes, *, mode: int = FILE, prefix: str = ".tmp-") -> None:
    """Replace `path` by a file with `data`, as `replacing` does."""
    with replacing(path, mode=mode, prefix=prefix) as file:
        file.write(data)


def copy_content(source: BinaryIO, target: BinaryIO) -> None:
    """Copy the content of a newly opened file to a new file.

    The kernel copies if it can, and may share blocks between the files (copy_file_range(2)).
    """
    import shutil

    if hasattr(os, "copy_file_range"):
        try:
            while os.copy_file_range(source.fileno(), target.fileno(), COPIED_AT_ONCE):
                pass
        except OSError as error:
            if error.errno not in _NOT_BY_THE_KERNEL:
                raise
    # Copy the rest from the offset where the kernel stopped.
    shutil.copyfileobj(source, target, 1 << 20)


def write_parts(fd: int, parts: Sequence[bytes | memoryview]) -> None:
    """Write all of `parts`, in order, with few system calls (writev(2))."""
    for first in range(0, len(parts), PARTS_AT_ONCE):
        group = parts[first : first + PARTS_AT_ONCE]
        done = os.writev(fd, group)
        if done < sum(map(len, group)):
            # Finish a short write, which a signal or a nearly full disk can cause.
            rest = memoryview(b"".join(group))[done:]
            while rest:
                rest = rest[os.write(fd, rest) :]


def append(path: Path, data: bytes) -> None:
    """Append `data` to a file by a single write.

    So the data of two processes do not mix. The data are not durable.
    """
    permissions.make_folder(path.parent)
    fd = permissions.open_file(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)


def append_line(path: Path, line: bytes) -> None:
    """Append a line to a file durably.

    A newline precedes the line, so that it does not join the rest of a line that a crash cut off.
    """
    permissions.make_folder(path.parent)
    fd = permissions.open_file(path, os.O_WRONLY | os.O_APPEND)
    try:
        # One write, so that lines of two processes do not mix.
        os.write(fd, b"\n" + line + b"\n")
        sync(fd)
    finally:
        os.close(fd)
