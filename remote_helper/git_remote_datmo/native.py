"""Paths and ssh://, git:// and file:// URLs: git speaks to git."""

from __future__ import annotations

from git_datmo.errors import DatmoError
from git_remote_datmo.pipes import open_service, open_speaking
from git_remote_datmo.protocol import PIPES, RECEIVE_PACK, UPLOAD_PACK, Command
from git_remote_datmo.session import Session
from git_remote_datmo.wire import relay_reading, write_output

UNDERSTOOD = frozenset({"family", "progress", "servpath", "verbosity"})


class Native:
    """Joins git to the service at one URL."""

    def __init__(self, session: Session, url: str) -> None:
        self._session = session
        self._url = url

    def capabilities(self) -> tuple[bytes, ...]:
        return PIPES

    def option(self, asked: Command) -> bytes:
        return b"ok\n" if asked.option[0] in UNDERSTOOD else b"unsupported\n"

    def connect(self, asked: Command) -> int | None:
        """Serve the pipes to the end and give the exit status; None where git is to ask in another
        way."""
        if asked.verb != "connect":
            write_output(b"fallback\n")
            return None
        is_speaking_first = asked.argument in (RECEIVE_PACK, UPLOAD_PACK)
        opening = open_speaking if is_speaking_first else open_service
        service = opening(self._session, self._url, asked.argument)
        write_output(b"\n")
        if asked.argument != RECEIVE_PACK:
            return relay_reading(service)
        from git_remote_datmo.receive import take_push

        return take_push(self._session, self._url, service)

    def block(self, asked: Command, _: list[bytes]) -> bytes:
        raise DatmoError(f"git asks for '{asked.verb}', which was not offered for '{self._url}'")

    def end(self) -> int:
        return 0
