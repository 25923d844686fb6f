"""Find the files that this process's own output goes to: `> log`, `nohup`, `| tee log`."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

File = tuple[int, int]
"""A device and an inode."""


def stream_files() -> frozenset[File]:
    """Return the regular files that standard output and error go to, also through programs that
    read a pipe."""
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
    """Yield the `/proc` folders of other processes of ours that have one of `pipes` as their
    input."""
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid() and _link(f"/proc/{name}/fd/0") in pipes:
                yield f"/proc/{name}"


def _files_written_by(process: str) -> Iterator[File]:
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"{process}/fd"):
            with contextlib.suppress(OSError):
                # The link's own mode says for which way the file is open.
                writes = os.lstat(f"{process}/fd/{fd}").st_mode & stat.S_IWUSR
                info = os.stat(f"{process}/fd/{fd}")
                if writes and stat.S_ISREG(info.st_mode):
                    yield info.st_dev, info.st_ino


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
