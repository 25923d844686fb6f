"""Run commands on a terminal that the test reads and types on."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.shell import Shell

SECONDS = 60


class Terminal:
    """Run a command on a terminal of its own. `seen` is what the terminal has shown so far."""

    def __init__(self, repo: Shell, *words: str) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(31, 97)
        # The terminal becomes the session's own, so that keys become signals.
        begin = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
        argv = ["python3", "-c", begin, "git-datmo", *words]
        env = {**repo.env, "TERM": "xterm"}
        self.child = subprocess.Popen(
            argv,
            cwd=repo.cwd,
            env=env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.seen = b""

    def resize(self, rows: int, columns: int) -> None:
        """Set the size of the terminal."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._ours, keys)

    def read(self) -> bytes:
        """Return what the terminal shows next; b'' at the end. Waits at most `SECONDS`."""
        assert select.select([self._ours], [], [], SECONDS)[0], self.seen
        try:
            data = os.read(self._ours, 1 << 16)
        except OSError:
            data = b""
        self.seen += data
        return data

    def look(self, wanted: bytes = b"") -> None:
        """Read until `wanted` is shown, or to the end."""
        while not wanted or wanted not in self.seen:
            if not self.read():
                assert not wanted, self.seen
                return

    def close(self) -> None:
        """Close the terminal and kill the command."""
        os.close(self._ours)
        self.child.kill()
        self.child.wait()


@contextmanager
def on_own_terminal(repo: Shell, *words: str) -> Iterator[Terminal]:
    """Start git-datmo with `words` on a terminal of its own; end it with the block."""
    opened = Terminal(repo, *words)
    try:
        yield opened
    finally:
        opened.close()


def type_into(shell: Shell, keys: bytes, *words: str) -> tuple[int, bytes]:
    """Press keys on a terminal of a command; return its exit code and what the terminal showed."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        words, cwd=shell.cwd, env=dict(shell.env), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.write(ours, keys)
    shown = b""
    while True:
        try:
            data = os.read(ours, 4096)
        except OSError:  # the error of a terminal whose last program has ended
            break
        if not data:
            break
        shown += data
    os.close(ours)
    return child.wait(), shown
