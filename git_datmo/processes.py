"""Signs of life of other processes, as the kernel tells them (proc(5)); nothing where it does
not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROC = Path("/proc")
# Where `stat` has a process's state, parent, and the processor time that it used in its own name.
_STATE, _PARENT, _USER, _SYSTEM = 0, 1, 11, 12
# A process that waits on a disk, or for a processor.
_AT_WORK = (b"D", b"R")
# Less of a processor than this is what polling costs.
_BUSY = 0.05


@dataclass(frozen=True, slots=True)
class Process:
    """One process; `ticks` is the processor time that it used."""

    pid: int
    parent: int
    name: str
    state: bytes
    ticks: int


@dataclass(frozen=True, slots=True)
class Sample:
    """All that a tree of processes has done so far. Two samples differ where the tree is alive."""

    pids: frozenset[int]
    ticks: int
    moved: tuple[bytes, ...]
    at_work: bool
    asks: bool

    def is_alive_since(self, before: Sample, seconds: float) -> bool:
        """Return True if the tree has worked, moved data, or asked a person something in
        `seconds`."""
        if self.asks or self.at_work or (self.pids, self.moved) != (before.pids, before.moved):
            return True
        return self.ticks - before.ticks >= _BUSY * seconds * _ticks_per_second()


@cache
def _ticks_per_second() -> int:
    return os.sysconf("SC_CLK_TCK")


def running() -> dict[int, Process]:
    """Return every process of the machine; none where the kernel does not tell."""
    found = {}
    with suppress(OSError):
        for name in os.listdir(PROC):
            if name.isdigit() and (process := _read_process(int(name))):
                found[process.pid] = process
    return found


def _read_process(pid: int) -> Process | None:
    try:
        head, _, tail = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")
    except OSError:
        return None
    fields = tail.split()
    ticks = int(fields[_USER]) + int(fields[_SYSTEM])
    name = os.fsdecode(head.partition(b"(")[2])
    return Process(pid, int(fields[_PARENT]), name, fields[_STATE], ticks)


def descendants(root: int, processes: Mapping[int, Process]) -> list[Process]:
    """Return the process `root` and all that it started, by way of others too."""
    children: dict[int, list[Process]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process)
    found = [processes[root]] if root in processes else []
    for process in found:
        found += children.get(process.pid, ())
    return found


def sample(root: int, askers: frozenset[str]) -> Sample | None:
    """Return what the tree below `root` has done, without this process itself; None where the
    kernel does not tell.

    `askers` are the names of programs that ask a person for credentials.
    """
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
    """Return the counts of bytes that a process has read and written so far.

    Its counts of system calls are left out: a timer, as git's progress has one, restarts a call
    that moves nothing.
    """
    try:
        lines = (PROC / str(pid) / "io").read_bytes().splitlines(keepends=True)
    except OSError:
        return b""
    return b"".join(line for line in lines if not line.startswith(b"sysc"))


def _open_files(pid: int) -> Iterator[str]:
    """Yield what each descriptor above the standard ones leads to."""
    folder = PROC / str(pid) / "fd"
    with suppress(OSError):
        for name in os.listdir(folder):
            with suppress(OSError):
                if int(name) > 2:
                    yield os.readlink(folder / name)


def _socket_queues() -> dict[str, bytes]:
    """Return what waits to be sent and read on each TCP connection: it shrinks as the other side
    takes it."""
    found = {}
    for table in ("net/tcp", "net/tcp6"):
        with suppress(OSError):
            for line in (PROC / "self" / table).read_bytes().splitlines()[1:]:
                fields = line.split()
                found[f"socket:[{fields[9].decode()}]"] = fields[4]
    return found


# What git, ssh and gpg start to ask a person, or to wait for a key to be touched.
_ASKERS = ("git-credential", "credential-", "ssh-askpass", "ssh-sk-helper", "pinentry", "gpg")


def _asks(process: Process, files: list[str], askers: frozenset[str]) -> bool:
    """Return True for a process that waits for a person: it has a terminal open to ask, or is made
    for asking."""
    if any(file == "/dev/tty" or file.startswith("/dev/pts/") for file in files):
        return True
    try:
        words = (PROC / str(process.pid) / "cmdline").read_bytes().split(b"\0")[:3]
    except OSError:
        return False
    names = [os.path.basename(os.fsdecode(word)) for word in words if word]
    return any(name.startswith(_ASKERS) or name in askers for name in names)
