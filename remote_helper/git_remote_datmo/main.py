"""Entry of the remote helper: read git's commands and answer each (gitremote-helpers)."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from typing import Protocol

from git_datmo.errors import DatmoError, UsageError
from git_datmo.fsio import current_folder
from git_datmo.redact import holds_password
from git_remote_datmo.protocol import LINES, PIPES, RECEIVE_PACK, Command, parse
from git_remote_datmo.session import Session, open_session
from git_remote_datmo.urls import PREFIX, kind_of
from git_remote_datmo.wire import LineReader, ServiceGoneError, complain, write_output


class Backend(Protocol):
    """Server of git's commands for a URL.

    `connect` returns the exit status of raw pipes, or None if git must use another command. `block`
    answers a command of several lines. `end` returns the exit status.
    """

    def capabilities(self) -> tuple[bytes, ...]: ...
    def option(self, command: Command, /) -> bytes: ...
    def connect(self, command: Command, /) -> int | None: ...
    def block(self, command: Command, more: list[bytes], /) -> bytes: ...
    def end(self) -> int: ...


def is_http(url: str) -> bool:
    """Return True for an http:// or https:// URL."""
    return kind_of(url) in ("http", "https")


class Conversation:
    """Loop that answers git's commands in order.

    Git asks for capabilities before it says whether it will push. `pushInsteadOf` may lead to a URL
    of another kind. The helper then offers the capabilities of both kinds, and answers `fallback`
    if a URL has no pipes.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lines = LineReader(0)
        self._options: list[Command] = []
        self._has_read = False
        self._is_mixed = is_http(session.fetch_url) != is_http(session.push_url)

    @cached_property
    def _fetching(self) -> Backend:
        """Return the backend for fetching, started at first use."""
        return self._start(self._session.fetch_url)

    @cached_property
    def _pushing(self) -> Backend:
        """Return the backend for pushing, started at first use with git's earlier options."""
        if self._session.push_url == self._session.fetch_url:
            return self._fetching
        other = self._start(self._session.push_url)
        # A helper is asked for its capabilities before it gets options, as git does it.
        other.capabilities()
        for option in self._options:
            other.option(option)
        return other

    def _start(self, url: str) -> Backend:
        """Return a new backend for a URL."""
        if is_http(url):
            from git_remote_datmo.proxy import Proxy

            return Proxy(self._session, url, by_lines=self._is_mixed)
        from git_remote_datmo.native import Native

        return Native(self._session, url)

    def hold(self) -> int:
        """Answer commands until git ends; return the exit status."""
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
        """Return the backend for pushing or for fetching."""
        return self._pushing if for_push else self._fetching

    def _started(self) -> list[Backend]:
        """Return the backends in use, each once."""
        # A backend is in `__dict__` once it was used. Reading the property would start it.
        backends = [self.__dict__.get(name) for name in ("_fetching", "_pushing")]
        return list(dict.fromkeys(backend for backend in backends if backend is not None))

    def _answer(self, command: Command) -> bytes:
        """Return the answer to a command; raise `DatmoError` for a command that was not offered."""
        match command.verb:
            case "capabilities":
                return self._offer()
            case "option":
                self._session.remember(command)
                self._options.append(command)
                # `ok` sorts before `unsupported`: the answer is ok if one of two backends applies
                # the option.
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
        """Return the answer to `capabilities`.

        If the two URLs are of different kinds, `stateless-connect` is left out and the other kind's
        capabilities are added.
        """
        offered = self._fetching.capabilities()
        if self._is_mixed:
            other = PIPES if is_http(self._session.fetch_url) else LINES
            offered = tuple(
                dict.fromkeys(c for c in (*offered, *other) if c != b"stateless-connect")
            )
        return b"".join(capability + b"\n" for capability in offered) + b"\n"

    def _done_reading(self, status: int) -> int:
        """Initialise the repository after a successful fetch; return the exit status."""
        if status == 0:
            self._session.set_up()
        return status


def serve() -> int:
    """Run the helper with this process's arguments; return the exit status.

    Raises `UsageError` for a wrong number of arguments, and `DatmoError` for a URL that is not
    served.
    """
    words = sys.argv[1:]
    if not 1 <= len(words) <= 2:
        raise UsageError(
            "usage: git remote-datmo <remote> [<url>]",
            "git starts this for URLs that begin with datmo::",
        )
    # Keep a URL from git as it is, so that `datmo::datmo::` is refused like any other helper.
    url = words[1] if len(words) == 2 else words[0].removeprefix(PREFIX)
    session = open_session(words[0], url, os.environ, current_folder())
    if holds_password(url):
        from git_remote_datmo.passwords import guard_password

        guard_password(session)
    return Conversation(session).hold()


def main() -> int:
    """Run the helper and return the exit status.

    An error that reaches this function becomes a line on standard error and an exit status.
    """
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
        # Git has ended, and prints the reason itself.
        return 141
