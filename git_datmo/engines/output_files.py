"""Find the files that receive this process's output: `> log`, `nohup`, `| tee log`."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

File = tuple[int, int]
"""A device and an inode."""


def stream_files() -> frozenset[File]:
    """Return the regular files that receive standard output or error.

    They include files that a process reading from the other end of a pipe writes.
    """
    found, pipes = set[File](), set[str]()
    for fd in (1, 2):
        with contextlib.suppress(OSError):
            info = os.fstat(fd)
            if stat.S_ISREG(info.st_mode):
                found.add((info.st_dev, info.st_ino))
            elif stat.S_ISFIFO(info.st_mode):
                pipes.add(f"pipe:[{info.st_ino}]")
    for process in _readers(pipes) if pipes else ():
        found.update(_files_written_by(process))
    return frozenset(found)


def _readers(pipes: set[str]) -> Iterator[str]:
    """Yield the `/proc` folders of other processes with a pipe of `pipes` as standard input."""
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid() and _link(f"/proc/{name}/fd/0") in pipes:
                yield f"/proc/{name}"


def _files_written_by(process: str) -> Iterator[File]:
    """Yield the regular files that a process has open for writing."""
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"{process}/fd"):
            with contextlib.suppress(OSError):
                # The mode of the link in `/proc` has the write bit if the file is open for writing.
                writes = os.lstat(f"{process}/fd/{fd}").st_mode & stat.S_IWUSR
                info = os.stat(f"{process}/fd/{fd}")
                if writes and stat.S_ISREG(info.st_mode):
                    yield info.st_dev, info.st_ino


def _link(path: str) -> str:
    """Return the target of a link; '' if it cannot be read."""
    try:
        return os.readlink(path)
    except OSError:
        return ""
