"""Read files of other programs, in whose place a pipe, a socket or a folder may be."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from git_datmo.errors import Damaged
from git_datmo.sizes import show_size


def read_regular(path: Path, limit: int) -> bytes:
    """Return the content of a file; raise `Damaged` if it is no regular file, or too large.

    `limit` is the largest size in bytes. A file that grows meanwhile is read up to the limit.
    """
    with _opened(path) as file:
        if os.fstat(file.fileno()).st_size > limit:
            raise Damaged(f"it is larger than {show_size(limit)}")
        return file.read(limit)


def read_beginning(path: Path, size: int) -> bytes:
    """Return the first bytes of a file; raise `Damaged` if it is no regular file."""
    with _opened(path) as file:
        return file.read(size)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file; raise `Damaged` if it is none, or cannot be read."""
    try:
        # Without this flag, opening a pipe without a writer waits forever.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        # Python opens no folder as a file object.
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise Damaged("it is no regular file")
        with os.fdopen(fd, "rb") as file:
            yield file
    except OSError as error:
        raise Damaged(error.strerror or str(error)) from error
