"""File locks that the kernel releases when their process ends (flock(2)).

Some network file systems have no locks. An exclusive lock is then a file that only a single process
can create, as git's own locks are. A shared lock then excludes nothing.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from git_datmo import permissions
from git_datmo.errors import DatmoError

_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
# EBADF: an NFS client needs a writable descriptor for an exclusive lock.
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EBADF)
_PAUSE = 0.02
HELD = ".held"


@contextlib.contextmanager
def locked(
    path: Path, *, shared: bool = False, strict: bool = False, seconds: float = 60.0
) -> Iterator[None]:
    """Hold the lock file `path` during the block.

    A `shared` lock excludes only exclusive locks. It is skipped if the file can be neither opened
    nor created. A `strict` lock raises `DatmoError` on a file system without locks, where it could
    not exclude shared ones. Raises `DatmoError` if another process holds the lock longer than
    `seconds`.
    """
    fd = _open(path, optional=shared)
    if fd is None:
        yield
        return
    try:
        if _take(fd, path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, seconds) or shared:
            yield
        elif strict:
            raise DatmoError(
                f"the file system of '{path}' has no locks, so other commands cannot be kept out",
                "run this where the repository is on a file system with locks (flock)",
            )
        else:
            with _held_by_name(path.with_name(path.name + HELD), seconds):
                yield
    finally:
        os.close(fd)


def _open(path: Path, *, optional: bool) -> int | None:
    """Open a lock file, read-only if it is not writable.

    Returns None if an `optional` file can be neither opened nor created.
    """
    try:
        permissions.make_folder(path.parent)
        return permissions.open_file(path, os.O_RDWR)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        with contextlib.suppress(OSError):
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        if optional:
            return None
        raise


def _take(fd: int, path: Path, operation: int, seconds: float) -> bool:
    """Take the kernel's lock; return False if the file system has no locks."""
    until = time.monotonic() + seconds
    while True:
        try:
            # A blocking flock could not be limited in time.
            fcntl.flock(fd, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise DatmoError(
                    f"another git-datmo command holds '{path}'",
                    "wait until it ends, then run this again",
                ) from None
            time.sleep(_PAUSE)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            return False
        else:
            return True


@contextlib.contextmanager
def _held_by_name(path: Path, seconds: float) -> Iterator[None]:
    """Hold a lock that consists of the existence of `path`."""
    until = time.monotonic() + seconds
    while not _claim(path):
        if _remove_left_over(path):
            continue
        if time.monotonic() > until:
            raise DatmoError(
                f"another git-datmo command holds '{path}'",
                "wait until it ends, then run this again; where none runs on any machine, remove"
                " that file",
            )
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _claim(path: Path) -> bool:
    """Create the lock file with this machine's name and process id; return False if it exists."""
    try:
        fd = permissions.create_file(path)
    except FileExistsError:
        return False
    try:
        os.write(fd, f"{_machine()} {os.getpid()}".encode())
    finally:
        os.close(fd)
    return True


def _machine() -> str:
    """Return the name of this machine."""
    return os.uname().nodename or "localhost"


def _remove_left_over(path: Path) -> bool:
    """Remove the lock file of an ended process of this machine.

    Returns False if the process may still run.
    """
    try:
        text = path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return True
    machine, _, pid = text.partition(" ")
    if machine != _machine() or not pid.isdigit() or is_running(int(pid)):
        return False
    # Another process may have replaced the file since it was read. Rename it first, so that only
    # the file with the text that was read is removed.
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        os.rename(path, aside)
        if aside.read_text("utf-8", "replace") == text:
            os.unlink(aside)
        else:
            os.rename(aside, path)
    return True


def is_running(pid: int) -> bool:
    """Return True if a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        # The process belongs to another user, so the signal is not permitted.
        return True
    return True
