"""Serve http:// and https:// URLs by git's own helper.

This process passes the commands on, and adds the sharing of data before a push.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Sequence
from typing import TypeVar

from git_datmo.errors import DatmoError, Silent
from git_datmo.git.refs import read_ref
from git_datmo.watched_child import Child
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
    """Backend that passes git's commands to `git remote-<scheme>`, and the answers back.

    `by_lines` selects protocol version 0, in which a fetch starts with a list of refs. In later
    versions git asks for raw pipes instead.
    """

    def __init__(self, session: Session, url: str, *, by_lines: bool) -> None:
        scheme = kind_of(url)
        session.check_allowed(scheme)
        self._session = session
        self._options: list[bytes] = []
        # Without a named remote, git passes the URL as the name.
        remote = url if session.remote.startswith(PREFIX) else session.remote
        # Version 0 answers with a list of refs; for later versions git requests raw pipes.
        version = ["-c", "protocol.version=0"] if by_lines else []
        self._argv = ["git", *version, f"remote-{scheme}", remote, url]
        self._environ = session.environ_for(url)
        self._there: dict[str, str] = {}
        self._start()

    def _start(self) -> None:
        """Start git's helper and a watch on it."""
        pipe = subprocess.PIPE
        # Without buffers, a wait on the descriptors sees every byte.
        self._child = Child(
            self._argv, who="", stdin=pipe, stdout=pipe, env=self._environ, bufsize=0
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self.watch = self._child.watch = self._session.watch(self._child.pid)
        self._asking = self._child.stdin.fileno()
        self._answers = LineReader(self._child.stdout.fileno(), self.watch)

    def _persist(self, step: Callable[[], T]) -> T:
        """Run a step; if the server is silent, restart the helper and repeat the step.

        The restarted helper gets git's options again. Raises `Silent` after the second attempt.
        """
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
        """Return the capabilities of git's helper."""
        return tuple(self._exchange(b"capabilities\n").split())

    def option(self, command: Command) -> bytes:
        """Pass on an `option` command; return the answer."""
        self._options.append(command.line + b"\n")
        self._ask(command.line + b"\n")
        return self._line() + b"\n"

    def connect(self, command: Command) -> int | None:
        """Serve raw pipes until the end and return the exit status.

        Returns None if git must use another command.
        """
        if command.verb != "stateless-connect":
            write_output(b"fallback\n")
            return None
        answer = self._persist(lambda: self._answer_to(command))
        write_output(answer + b"\n")
        if answer:
            return None
        # Git writes only after this answer. The server's first bytes may already be in the buffer
        # behind the answer.
        write_output(self._answers.rest())
        return relay_reading(self)

    def _answer_to(self, command: Command) -> bytes:
        """Send a command; return the line that answers it."""
        self._ask(command.line + b"\n")
        return self._line()

    def block(self, command: Command, more: list[bytes]) -> bytes:
        """Return the answer to `list`, or to the lines of a `push` or `fetch`.

        A push shares data first. If that fails, all its refs are refused and git's helper gets
        nothing.
        """
        lines = [command.line, *more]
        if command.verb == "push" and (refused := self._refusals(lines)):
            return errors(refused)
        # A batch ends with an empty line; `list` is a single line (gitremote-helpers).
        asking = b"".join(
            line + b"\n" for line in (lines if command.verb == "list" else [*lines, b""])
        )
        # Only `list` is repeated after a silence: a push may have moved refs already.
        text = (
            self._persist(lambda: self._exchange(asking))
            if command.verb == "list"
            else self._exchange(asking)
        )
        if (command.verb, command.argument) == ("list", "for-push"):
            self._there = listed_refs(text)
        return text

    def end(self) -> int:
        """End git's helper with an empty line; return its exit status."""
        # The helper may have ended by itself, after it printed the reason.
        with contextlib.suppress(BrokenPipeError):
            write_all(self._asking, b"\n")
        return self._close()

    def read(self, size: int) -> bytes:
        """Read the server's bytes from the helper."""
        return self.watch.read(self._answers.descriptor, size)

    def write(self, data: bytes) -> None:
        """Write git's bytes to the helper."""
        write_all(self._asking, data)

    def close_asking(self) -> None:
        """Close the helper's input."""
        assert self._child.stdin is not None
        self._child.stdin.close()

    def finish(self) -> int:
        """Close the helper's output, wait for its end, and return the exit status."""
        assert self._child.stdout is not None
        self._child.stdout.close()
        return self._child.wait()

    def _refusals(self, lines: list[bytes]) -> dict[str, str]:
        """Share the data of a push; return the refs that must not be pushed, with reasons."""
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
        """Return the new id, name and old id of each pushed ref; '' for a missing id."""
        updates = []
        for push in pushes:
            oid = read_ref(self._session.git, push.source) if push.source else None
            updates.append((str(oid or ""), push.target, self._there.get(push.target, "")))
        return updates

    def _ask(self, data: bytes) -> None:
        """Write to the helper; raise `ServiceGoneError` if it has ended."""
        try:
            write_all(self._asking, data)
        except BrokenPipeError:
            raise ServiceGoneError(self._close()) from None

    def _exchange(self, data: bytes) -> bytes:
        """Write to the helper; return its answer up to an empty line."""
        self._ask(data)
        answer = self._answers.until_empty()
        if answer is None:
            raise ServiceGoneError(self._close())
        return b"".join(line + b"\n" for line in answer) + b"\n"

    def _line(self) -> bytes:
        """Return the helper's next line; raise `ServiceGoneError` if it has ended."""
        line = self._answers.line()
        if line is None:
            raise ServiceGoneError(self._close())
        return line

    def _close(self) -> int:
        """Close the helper's input and wait for its end."""
        self.close_asking()
        return self._child.wait()
