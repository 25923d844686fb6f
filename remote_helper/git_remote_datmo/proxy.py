"""http:// and https:// URLs: git's own helper does the work, and its lines pass through here."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading

from git_remote_datmo.protocol import Connect
from git_remote_datmo.session import ServiceGoneError, Session
from git_remote_datmo.urls import PREFIX, kind_of
from git_remote_datmo.wire import LineReader, pump, write_all


class Proxy:
    """Passes each command of git's on to `git remote-<scheme>`, and its answer back."""

    def __init__(self, session: Session, url: str) -> None:
        scheme = kind_of(url)
        session.check_allowed(scheme)
        # Where no remote was named, git gives a helper the URL in the name's place.
        remote = url if session.remote.startswith(PREFIX) else session.remote
        argv = ["git", f"remote-{scheme}", remote, url]
        self._child = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=session.environ, bufsize=0
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._asking = self._child.stdin.fileno()
        self._answers = LineReader(self._child.stdout.fileno())

    def capabilities(self) -> bytes:
        return self._block([b"capabilities"])

    def option(self, line: bytes) -> bytes:
        self._ask(line + b"\n")
        return self._line() + b"\n"

    def list_refs(self, line: bytes) -> bytes:
        return self._block([line])

    def batch(self, lines: list[bytes]) -> bytes:
        """The answer to the lines of a `push` or `fetch`."""
        return self._block([*lines, b""])

    def connect(self, line: bytes, _: Connect) -> int | None:
        """Serve raw pipes to the end and give the exit status; None where git is to fall back to lines."""
        self._ask(line + b"\n")
        answer = self._line()
        write_all(1, answer + b"\n")
        return None if answer else self._relay()

    def end(self) -> int:
        with contextlib.suppress(BrokenPipeError):
            write_all(self._asking, b"\n")
        return self._finish()

    def _ask(self, data: bytes) -> None:
        try:
            write_all(self._asking, data)
        except BrokenPipeError:
            raise ServiceGoneError(self._finish()) from None

    def _line(self) -> bytes:
        line = self._answers.line()
        if line is None:
            raise ServiceGoneError(self._finish())
        return line

    def _block(self, lines: list[bytes]) -> bytes:
        self._ask(b"".join(line + b"\n" for line in lines))
        answer = self._answers.until_empty()
        if answer is None:
            raise ServiceGoneError(self._finish())
        return b"".join(line + b"\n" for line in answer) + b"\n"

    def _relay(self) -> int:
        # git speaks only after the answer above, but the server's first bytes may have come with it.
        write_all(1, self._answers.rest())
        threading.Thread(target=self._pass_input, daemon=True).start()
        try:
            pump(lambda size: os.read(self._answers.descriptor, size), lambda data: write_all(1, data))
        except BrokenPipeError:
            self._child.terminate()
        return self._finish(close=False)

    def _pass_input(self) -> None:
        with contextlib.suppress(OSError):
            pump(lambda size: os.read(0, size), lambda data: write_all(self._asking, data))
        with contextlib.suppress(OSError):
            if self._child.stdin is not None:
                self._child.stdin.close()

    def _finish(self, *, close: bool = True) -> int:
        if close and self._child.stdin is not None:
            self._child.stdin.close()
        return self._child.wait()
