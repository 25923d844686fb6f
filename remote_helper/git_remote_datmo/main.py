"""Entry of the remote helper: git's commands in, one answer each out, until git or the service is done."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from pathlib import Path
from typing import Protocol

from git_datmo.errors import DatmoError, UsageError
from git_remote_datmo.protocol import (
    Batch,
    Capabilities,
    Connect,
    End,
    ListRefs,
    Option,
    Unknown,
    parse,
    pushes,
    refusals,
)
from git_remote_datmo.session import ServiceGoneError, Session, open_session
from git_remote_datmo.urls import PREFIX, kind_of
from git_remote_datmo.wire import LineReader, write_all


class Backend(Protocol):
    """Who does the work for one kind of URL; each takes git's line and gives the answer."""

    def capabilities(self) -> bytes: ...
    def option(self, line: bytes) -> bytes: ...
    def connect(self, line: bytes, asked: Connect, /) -> int | None: ...
    def list_refs(self, line: bytes) -> bytes: ...
    def batch(self, lines: list[bytes]) -> bytes: ...
    def end(self) -> int: ...


def start_backend(session: Session, url: str) -> Backend:
    if kind_of(url) in ("http", "https"):
        from git_remote_datmo.proxy import Proxy

        return Proxy(session, url)
    from git_remote_datmo.native import Native

    return Native(session, url)


class Conversation:
    """Answers git's commands in turn."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lines = LineReader(0)
        self._options: list[bytes] = []
        self._has_read = False

    @cached_property
    def _fetching(self) -> Backend:
        return start_backend(self._session, self._session.fetch_url)

    @cached_property
    def _pushing(self) -> Backend:
        if self._session.push_url == self._session.fetch_url:
            return self._fetching
        other = start_backend(self._session, self._session.push_url)
        other.capabilities()
        for line in self._options:
            other.option(line)
        return other

    def hold(self) -> int:
        while (line := self._lines.line()) is not None:
            command = parse(line)
            if isinstance(command, End):
                break
            if isinstance(command, Connect):
                status = self._fetching.connect(line, command)
                if status is not None:
                    return self._done_reading(status)
            else:
                write_all(1, self._answer(line, command))
        status = self._fetching.end()
        if "_pushing" in self.__dict__ and self._pushing is not self._fetching:
            status = self._pushing.end() or status
        return self._done_reading(status) if self._has_read else status

    def _answer(self, line: bytes, command: Capabilities | Option | ListRefs | Batch | Unknown) -> bytes:
        match command:
            case Capabilities():
                return self._fetching.capabilities()
            case Option():
                self._session.remember(command)
                self._options.append(line)
                answer = self._fetching.option(line)
                if "_pushing" in self.__dict__ and self._pushing is not self._fetching:
                    answer = self._pushing.option(line)
                return answer
            case ListRefs(for_push):
                return (self._pushing if for_push else self._fetching).list_refs(line)
            case Batch(verb):
                lines = [line, *(self._lines.until_empty() or [])]
                if verb == "push":
                    return self._push(lines)
                self._has_read = True
                return self._fetching.batch(lines)
            case Unknown(text):
                raise DatmoError(f"git asks the remote helper for '{text}', which it did not offer")

    def _push(self, lines: list[bytes]) -> bytes:
        if refused := refusals(pushes(lines)):
            return refused
        self._session.share()
        return self._pushing.batch(lines)

    def _done_reading(self, status: int) -> int:
        if status == 0:
            self._session.set_up()
        return status


def serve() -> int:
    words = sys.argv[1:]
    if not 1 <= len(words) <= 2:
        raise UsageError("usage: git remote-datmo <remote> [<url>]", "git starts this for URLs that begin with datmo::")
    # Nothing is taken off a URL that git gave: `datmo::datmo::` is refused like any other helper.
    url = words[1] if len(words) == 2 else words[0].removeprefix(PREFIX)
    session = open_session(words[0], url, os.environ, Path.cwd())
    return Conversation(session).hold()


def main() -> int:
    """The one place where errors become lines and exit codes."""
    try:
        return serve()
    except DatmoError as error:
        hint = f"hint: {error.hint}\n" if error.hint else ""
        sys.stderr.write(f"fatal: {error.what}\n{hint}")
        return error.exit_code
    except ServiceGoneError as gone:
        return gone.status or 128
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # git went away, and says itself why.
        return 141
