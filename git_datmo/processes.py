"""Activity of other processes on Linux (proc(5)); nothing on other systems."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROC = Path("/proc")
# Indexes of fields in `stat` after the name: state, parent, user time, system time.
_STATE, _PARENT, _USER, _SYSTEM = 0, 1, 11, 12
# States of a process that waits for a disk (D), or that runs or waits for a processor (R).
_AT_WORK = (b"D", b"R")
# Fraction of a processor that counts as work. Polling uses less.
_BUSY = 0.05


@dataclass(frozen=True, slots=True)
class Process:
    """Process of this machine. `ticks` is its processor time in clock ticks."""

    pid: int
    parent: int
    name: str
    state: bytes
    ticks: int


@dataclass(frozen=True, slots=True)
class Sample:
    """Activity of a tree of processes so far.

    `moved` contains byte counts and socket queues. `at_work` says that a process runs or waits for
    a disk. `asks` says that a process waits for the user.
    """

    pids: frozenset[int]
    ticks: int
    moved: tuple[bytes, ...]
    at_work: bool
    asks: bool

    def is_alive_since(self, before: Sample, seconds: float) -> bool:
        """Return True if the tree was active since the sample `before`, `seconds` ago.

        Active means that it worked, moved data, started or ended processes, or asks the user.
        """
        if self.asks or self.at_work or (self.pids, self.moved) != (before.pids, before.moved):
            return True
        return self.ticks - before.ticks >= _BUSY * seconds * _ticks_per_second()


@cache
def _ticks_per_second() -> int:
    """Return the number of clock ticks in a second."""
    return os.sysconf("SC_CLK_TCK")


def running() -> dict[int, Process]:
    """Return all processes of the machine by id; none if the kernel does not report them."""
    found = {}
    with suppress(OSError):
        for name in os.listdir(PROC):
            if name.isdigit() and (process := _read_process(int(name))):
                found[process.pid] = process
    return found


def _read_process(pid: int) -> Process | None:
    """Return a process; None if it has ended."""
    try:
        # A name may have blanks and parentheses, so the fields begin after the last one (proc(5)).
        head, _, tail = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")
    except OSError:
        return None
    fields = tail.split()
    ticks = int(fields[_USER]) + int(fields[_SYSTEM])
    name = os.fsdecode(head.partition(b"(")[2])
    return Process(pid, int(fields[_PARENT]), name, fields[_STATE], ticks)


def descendants(root: int, processes: Mapping[int, Process]) -> list[Process]:
    """Return the process `root` and all its descendants."""
    children: dict[int, list[Process]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process)
    found = [processes[root]] if root in processes else []
    for process in found:
        found += children.get(process.pid, ())
    return found


def sample(root: int, askers: frozenset[str]) -> Sample | None:
    """Return the activity of the tree below `root`, without this process.

    Returns None if the kernel does not report it. `askers` are the names of programs that ask the
    user for credentials.
    """
    # This process may be in the tree, and its own work is no sign of life.
    tree = [process for process in descendants(root, running()) if process.pid != os.getpid()]
    if not tree:
        return None
    queues = _socket_queues()
    moved, asks = [], False
    for process in tree:
        files = list(_open_files(process.pid))
        moved.append(_read_io(process.pid))
        moved += [queues[file] for file in files if file in queues]
        asks = asks or _asks(process, files, askers)
    return Sample(
        frozenset(process.pid for process in tree),
        sum(process.ticks for process in tree),
        tuple(moved),
        any(process.state in _AT_WORK for process in tree),
        asks,
    )


def _read_io(pid: int) -> bytes:
    """Return the byte counts of a process as they are in `/proc`.

    Counts of system calls are left out: a timer, like git's for progress, repeats a call that moves
    no data.
    """
    try:
        lines = (PROC / str(pid) / "io").read_bytes().splitlines(keepends=True)
    except OSError:
        return b""
    return b"".join(line for line in lines if not line.startswith(b"sysc"))


def _open_files(pid: int) -> Iterator[str]:
    """Yield the target of each descriptor above the standard streams."""
    folder = PROC / str(pid) / "fd"
    with suppress(OSError):
        for name in os.listdir(folder):
            with suppress(OSError):
                # Standard streams are often the user's terminal, without a question being asked.
                if int(name) > 2:
                    yield os.readlink(folder / name)


def _socket_queues() -> dict[str, bytes]:
    """Return the send and receive queues of each TCP connection, by its name in `/proc`.

    A queue shrinks while the server accepts data, although the process itself waits.
    """
    found = {}
    for table in ("net/tcp", "net/tcp6"):
        with suppress(OSError):
            for line in (PROC / "self" / table).read_bytes().splitlines()[1:]:
                # Field 4 is the queues, field 9 the inode of the socket (proc(5), `/proc/net/tcp`).
                fields = line.split()
                found[f"socket:[{fields[9].decode()}]"] = fields[4]
    return found


# Prefixes of the programs that git, ssh and gpg start to ask the user, or to wait for a touch of a
# key.
_ASKERS = ("git-credential", "credential-", "ssh-askpass", "ssh-sk-helper", "pinentry", "gpg")


def _asks(process: Process, files: list[str], askers: frozenset[str]) -> bool:
    """Return True if a process has a terminal open, or is a program that asks the user."""
    if any(file == "/dev/tty" or file.startswith("/dev/pts/") for file in files):
        return True
    try:
        words = (PROC / str(process.pid) / "cmdline").read_bytes().split(b"\0")[:3]
    except OSError:
        return False
    names = [os.path.basename(os.fsdecode(word)) for word in words if word]
    return any(name.startswith(_ASKERS) or name in askers for name in names)
