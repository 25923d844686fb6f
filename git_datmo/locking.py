"""Locks that end with the process that holds them, however it ends.

They are the kernel's (flock(2)). Some network file systems have none: a lock for one process is
then a file of a name that only one process can create, as git's own locks are, and a shared lock is
none.
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
# EBADF: an NFS client asks for the right to write before it locks for one process.
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EBADF)
_PAUSE = 0.02
HELD = ".held"


@contextlib.contextmanager
def locked(
    path: Path, *, shared: bool = False, strict: bool = False, seconds: float = 60.0
) -> Iterator[None]:
    """Hold the lock file `path` for the duration of the block.

    A `shared` lock keeps out only those who want it for themselves; where neither the file nor its
    folder can be written to, nobody has to be kept out. A `strict` lock keeps out those who share
    it, too, and is refused where the file system has no locks. Raises `DatmoError` when another
    process keeps the lock longer than `seconds`.
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
    """Open a lock file, for reading alone where it cannot be written to; return None where there is
    none to open."""
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
    """Take the kernel's lock; return False where the file system has none."""
    until = time.monotonic() + seconds
    while True:
        try:
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
    """Hold the lock that the existence of `path` is."""
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
    return os.uname().nodename or "localhost"


def _remove_left_over(path: Path) -> bool:
    """Remove the file of a process of this machine that ended; return False where it may still
    run."""
    try:
        text = path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return True
    machine, _, pid = text.partition(" ")
    if machine != _machine() or not pid.isdigit() or is_running(int(pid)):
        return False
    # Another process may have removed it, and taken the lock, meanwhile: only the file that was
    # read goes.
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        os.rename(path, aside)
        if aside.read_text("utf-8", "replace") == text:
            os.unlink(aside)
        else:
            os.rename(aside, path)
    return True


def is_running(pid: int) -> bool:
    """Return whether a process with an id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
