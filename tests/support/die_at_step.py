"""Run git-datmo, or its remote helper, in a process that dies at its Nth durable step.

The product has no hook for this. Calls of `os` that change a file, a folder or a name are counted
before they happen. Starts of git children that change something are counted too.
`DATMO_JOURNAL` names a file that gets a line for each step, of all processes of a command. At step
`DATMO_DIE_AT` the process kills itself as the kernel or a power cut would: no handler runs, and
nothing is flushed. A step that writes bytes is half done by then.

`DATMO_NOW` stops the clock, so that the records of two runs can be compared.
"""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

# Calls that change names or make bytes durable; those that write bytes are in HALVES.
NAMES = ("replace", "rename", "unlink", "mkdir", "rmdir", "symlink", "fsync")
HALVES = ("write", "writev", "pwrite")
# Commands of git that change a repository, here or elsewhere.
CHANGING = frozenset({"push", "fetch", "update-ref", "config", "init", "send-pack", "remote-http"})
FRAMES = 2
# Modules through which everything goes: who called them is what counts.
UNTOLD = ("git_datmo.fsio", "git_datmo.permissions", "git_datmo.git.command")

_real_clock = time.time
_stopped: list[float] = []


def clock() -> float:
    return _stopped[0] if _stopped else _real_clock()


# Before any of our modules is loaded and takes the clock for its own.
time.time = clock


def place() -> str:
    """Return the functions that take the step, outermost first. They distinguish kinds of steps."""
    names: list[str] = []
    frame = sys._getframe(2)
    while frame is not None and len(names) < FRAMES:
        module = frame.f_globals.get("__name__", "")
        if module.startswith(("git_datmo.", "git_remote_datmo.")) and module not in UNTOLD:
            names.append(f"{module.rpartition('.')[2]}.{frame.f_code.co_name}")
        frame = frame.f_back  # type: ignore[assignment]
    return "<".join(names)


class Steps:
    """Count the steps of a process, together with those of other processes that the journal
    names."""

    def __init__(self, journal: str, die_at: int) -> None:
        self._journal = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._path = journal
        self._die_at = die_at
        self._write = os.write

    def take(self, kind: str, half: Callable[[], object] = lambda: None) -> None:
        """Note a step before it is taken. If it is the last, do `half` of it and die."""
        self._write(self._journal, f"{kind} {place()}\n".encode())
        if not self._die_at:
            return
        with open(self._path, "rb") as journal:
            number = journal.read().count(b"\n")
        if number >= self._die_at:
            half()
            os.kill(os.getpid(), signal.SIGKILL)


def changes(name: str, target: Any) -> bool:
    """Return whether a call changes anything. Failed and repeated calls and temporary files are no
    steps.

    Ignore the sync of a folder, whose entries have their new names by then.
    """
    if name == "fsync":
        return is_file(target)
    if os.fsdecode(target).startswith(os.environ.get("TMPDIR", "/nowhere") + "/"):
        return False
    return name == "symlink" or os.path.lexists(target) != (name == "mkdir")


def is_file(fd: int) -> bool:
    """Return whether bytes written to a descriptor stay: it is a file with a name that counts."""
    return stat.S_ISREG(os.fstat(fd).st_mode) and not os.readlink(f"/proc/self/fd/{fd}").startswith(
        os.environ.get("TMPDIR", "/nowhere") + "/"
    )


def patch(steps: Steps) -> None:
    """Count from here on."""
    for name in NAMES:
        setattr(os, name, _counted(getattr(os, name), name, steps))
    for name in HALVES:
        setattr(os, name, _halved(getattr(os, name), name, steps))
    original = subprocess.Popen

    class Popen(original):  # type: ignore[misc,valid-type]
        def __init__(self, args: Any, *rest: Any, **options: Any) -> None:
            verb = _changing(args)
            if verb:
                steps.take(f"git-{verb}")
            super().__init__(args, *rest, **options)

    subprocess.Popen = Popen  # type: ignore[misc]


def _counted(call: Callable[..., Any], name: str, steps: Steps) -> Callable[..., Any]:
    def counted(*args: Any, **options: Any) -> Any:
        if place() and changes(name, args[0]):
            steps.take(name)
        return call(*args, **options)

    return counted


def _halved(call: Callable[..., Any], name: str, steps: Steps) -> Callable[..., Any]:
    def halved(fd: int, data: Any, *rest: Any) -> Any:
        if place() and is_file(fd):
            whole = data if name == "writev" else [data]
            joined = b"".join(bytes(part) for part in whole)
            piece = joined[: len(joined) // 2]
            steps.take(name, lambda: call(fd, [piece] if name == "writev" else piece, *rest))
        return call(fd, data, *rest)

    return halved


def _changing(args: Any) -> str:
    if not isinstance(args, list) or args[:1] != ["git"]:
        return ""
    words = [word for word in args[1:] if isinstance(word, str)]
    verb = next((word for word in words if word in CHANGING), "")
    # `git config --list` and its like read.
    return "" if verb == "config" and any(word in words for word in ("--list", "--get")) else verb


def live(words: list[str]) -> int:
    """Run the console script named first in `words`, with the rest as its arguments."""
    now = os.environ.pop("DATMO_NOW", "")
    if now:
        _stopped[:] = [float(now)]
    program, *sys.argv[1:] = words
    sys.argv[0] = program
    if program == "git-remote-datmo":
        from git_remote_datmo.main import main
    else:
        from git_datmo.cli.main import main
    journal = os.environ.pop("DATMO_JOURNAL", "")
    if journal:
        patch(Steps(journal, int(os.environ.pop("DATMO_DIE_AT", "0"))))
    return main()


if __name__ == "__main__":
    sys.exit(live(sys.argv[1:]))
