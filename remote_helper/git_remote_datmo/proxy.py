"""http:// and https:// URLs: git's own helper does the work, and its lines pass through here."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Sequence
from typing import TypeVar

from git_datmo.errors import DatmoError, Silent
from git_datmo.git.refs import read_ref
from git_datmo.waits import Child
from git_remote_datmo.protocol import Command
from git_remote_datmo.push_refusals import (
    NOT_SHARED,
    Push,
    errors,
    listed_refs,
    parse_push_line,
    refusals,
)
from git_remote_datmo.session import Session
from git_remote_datmo.urls import PREFIX, kind_of
from git_remote_datmo.wire import (
    LineReader,
    ServiceGoneError,
    complain,
    relay_reading,
    write_all,
    write_output,
)

T = TypeVar("T")


class Proxy:
    """Passes each command of git's on to `git remote-<scheme>`, and its answer back."""

    def __init__(self, session: Session, url: str, *, by_lines: bool) -> None:
        scheme = kind_of(url)
        session.check_allowed(scheme)
        self._session = session
        self._options: list[bytes] = []
        # Where no remote was named, git gives a helper the URL in the name's place.
        remote = url if session.remote.startswith(PREFIX) else session.remote
        # A list of refs is the answer of the old protocol; of the new one, git asks for pipes.
        version = ["-c", "protocol.version=0"] if by_lines else []
        self._argv = ["git", *version, f"remote-{scheme}", remote, url]
        self._environ = session.environ_for(url)
        self._there: dict[str, str] = {}
        self._start()

    def _start(self) -> None:
        pipe = subprocess.PIPE
        self._child = Child(
            self._argv, who="", stdin=pipe, stdout=pipe, env=self._environ, bufsize=0
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self.watch = self._child.watch = self._session.watch(self._child.pid)
        self._asking = self._child.stdin.fileno()
        self._answers = LineReader(self._child.stdout.fileno(), self.watch)

    def _persist(self, step: Callable[[], T]) -> T:
        """Do the first step that needs the server; where that is silent, start anew and do it
        again."""
        try:
            return step()
        except Silent:
            self._close()
            self._start()
            for option in self._options:
                self._ask(option)
                self._line()
        try:
            return step()
        except Silent as error:
            raise error.final() from error

    def capabilities(self) -> tuple[bytes, ...]:
        return tuple(self._exchange(b"capabilities\n").split())

    def option(self, asked: Command) -> bytes:
        self._options.append(asked.line + b"\n")
        self._ask(asked.line + b"\n")
        return self._line() + b"\n"

    def connect(self, asked: Command) -> int | None:
        """Serve raw pipes to the end and give the exit status; None where git is to ask in another
        way."""
        if asked.verb != "stateless-connect":
            write_output(b"fallback\n")
            return None
        answer = self._persist(lambda: self._answer_to(asked))
        write_output(answer + b"\n")
        if answer:
            return None
        # git speaks only after this answer, but the server's first bytes may have come with it.
        write_output(self._answers.rest())
        return relay_reading(self)

    def _answer_to(self, asked: Command) -> bytes:
        self._ask(asked.line + b"\n")
        return self._line()

    def block(self, asked: Command, more: list[bytes]) -> bytes:
        """The answer to a command of one line, or to the lines of a `push` or `fetch`."""
        lines = [asked.line, *more]
        if asked.verb == "push" and (refused := self._refusals(lines)):
            return errors(refused)
        asking = b"".join(
            line + b"\n" for line in (lines if asked.verb == "list" else [*lines, b""])
        )
        text = (
            self._persist(lambda: self._exchange(asking))
            if asked.verb == "list"
            else self._exchange(asking)
        )
        if (asked.verb, asked.argument) == ("list", "for-push"):
            self._there = listed_refs(text)
        return text

    def end(self) -> int:
        with contextlib.suppress(BrokenPipeError):
            write_all(self._asking, b"\n")
        return self._close()

    def read(self, size: int) -> bytes:
        return self.watch.read(self._answers.descriptor, size)

    def write(self, data: bytes) -> None:
        write_all(self._asking, data)

    def close_asking(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()

    def finish(self) -> int:
        assert self._child.stdout is not None
        self._child.stdout.close()
        return self._child.wait()

    def _refusals(self, lines: list[bytes]) -> dict[str, str]:
        """Share what the commits need, and say why they are not to be pushed, if they are not."""
        pushes = [parse_push_line(line) for line in lines]
        refused = refusals(pushes, self._there)
        if not refused and not self._session.asks("dry-run"):
            try:
                self._session.share(self._there, self._updates(pushes))
            except DatmoError as error:
                complain(error)
                refused = {push.target: NOT_SHARED for push in pushes}
        return refused

    def _updates(self, pushes: Sequence[Push]) -> list[tuple[str, str, str]]:
        """Return what each push moves a ref to, with the ref and the id that the remote has of
        it."""
        updates = []
        for push in pushes:
            oid = read_ref(self._session.git, push.source) if push.source else None
            updates.append((str(oid or ""), push.target, self._there.get(push.target, "")))
        return updates

    def _ask(self, data: bytes) -> None:
        try:
            write_all(self._asking, data)
        except BrokenPipeError:
            raise ServiceGoneError(self._close()) from None

    def _exchange(self, data: bytes) -> bytes:
        self._ask(data)
        answer = self._answers.until_empty()
        if answer is None:
            raise ServiceGoneError(self._close())
        return b"".join(line + b"\n" for line in answer) + b"\n"

    def _line(self) -> bytes:
        line = self._answers.line()
        if line is None:
            raise ServiceGoneError(self._close())
        return line

    def _close(self) -> int:
        self.close_asking()
        return self._child.wait()
