"""Entry of the remote helper: git's commands in, one answer each out, until git or the service is
done."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from pathlib import Path
from typing import Protocol

from git_datmo.errors import DatmoError, UsageError
from git_datmo.redact import holds_password
from git_remote_datmo.protocol import LINES, PIPES, RECEIVE_PACK, Command, parse
from git_remote_datmo.session import Session, open_session
from git_remote_datmo.urls import PREFIX, kind_of
from git_remote_datmo.wire import LineReader, ServiceGoneError, complain, write_output


class Backend(Protocol):
    """Who does the work for one URL; each takes a command of git's and gives the answer."""

    def capabilities(self) -> tuple[bytes, ...]: ...
    def option(self, asked: Command, /) -> bytes: ...
    def connect(self, asked: Command, /) -> int | None: ...
    def block(self, asked: Command, more: list[bytes], /) -> bytes: ...
    def end(self) -> int: ...


def is_http(url: str) -> bool:
    return kind_of(url) in ("http", "https")


class Conversation:
    """Answers git's commands in turn.

    git asks what the helper can do before it says whether it will push, and `pushInsteadOf` may
    lead to a URL of another kind. Then both kinds are offered, and git falls back from pipes to
    lines where a URL has none.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lines = LineReader(0)
        self._options: list[Command] = []
        self._has_read = False
        self._is_mixed = is_http(session.fetch_url) != is_http(session.push_url)

    @cached_property
    def _fetching(self) -> Backend:
        return self._start(self._session.fetch_url)

    @cached_property
    def _pushing(self) -> Backend:
        if self._session.push_url == self._session.fetch_url:
            return self._fetching
        other = self._start(self._session.push_url)
        other.capabilities()
        for option in self._options:
            other.option(option)
        return other

    def _start(self, url: str) -> Backend:
        if is_http(url):
            from git_remote_datmo.proxy import Proxy

            return Proxy(self._session, url, by_lines=self._is_mixed)
        from git_remote_datmo.native import Native

        return Native(self._session, url)

    def hold(self) -> int:
        while (line := self._lines.line()) is not None:
            command = parse(line)
            match command.verb:
                case "":
                    break
                case "connect" | "stateless-connect":
                    pushes = command.argument == RECEIVE_PACK
                    status = self._of(for_push=pushes).connect(command)
                    if status is not None:
                        return status if pushes else self._done_reading(status)
                case _:
                    write_output(self._answer(command))
        status = max((backend.end() for backend in self._started()), default=0)
        return self._done_reading(status) if self._has_read else status

    def _of(self, *, for_push: bool) -> Backend:
        return self._pushing if for_push else self._fetching

    def _started(self) -> list[Backend]:
        backends = [self.__dict__.get(name) for name in ("_fetching", "_pushing")]
        return list(dict.fromkeys(backend for backend in backends if backend is not None))

    def _answer(self, command: Command) -> bytes:
        match command.verb:
            case "capabilities":
                return self._offer()
            case "option":
                self._session.remember(command)
                self._options.append(command)
                return min(backend.option(command) for backend in self._started())
            case "list":
                return self._of(for_push=command.argument == "for-push").block(command, [])
            case "push" | "fetch":
                self._has_read |= command.verb == "fetch"
                return self._of(for_push=command.verb == "push").block(
                    command, self._lines.until_empty() or []
                )
        raise DatmoError(f"git asks the remote helper for '{command.verb}', which it did not offer")

    def _offer(self) -> bytes:
        offered = self._fetching.capabilities()
        if self._is_mixed:
            other = PIPES if is_http(self._session.fetch_url) else LINES
            offered = tuple(
                dict.fromkeys(c for c in (*offered, *other) if c != b"stateless-connect")
            )
        return b"".join(capability + b"\n" for capability in offered) + b"\n"

    def _done_reading(self, status: int) -> int:
        if status == 0:
            self._session.set_up()
        return status


def serve() -> int:
    words = sys.argv[1:]
    if not 1 <= len(words) <= 2:
        raise UsageError(
            "usage: git remote-datmo <remote> [<url>]",
            "git starts this for URLs that begin with datmo::",
        )
    # Nothing is taken off a URL that git gave: `datmo::datmo::` is refused like any other helper.
    url = words[1] if len(words) == 2 else words[0].removeprefix(PREFIX)
    session = open_session(words[0], url, os.environ, Path.cwd())
    if holds_password(url):
        from git_remote_datmo.passwords import guard_password

        guard_password(session)
    return Conversation(session).hold()


def main() -> int:
    """The one place where errors become lines and exit codes."""
    try:
        return serve()
    except DatmoError as error:
        complain(error)
        return error.exit_code
    except ServiceGoneError as gone:
        return gone.status or 128
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # git went away, and says itself why.
        return 141
