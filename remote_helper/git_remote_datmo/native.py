"""Serve paths and ssh://, git:// and file:// URLs by raw pipes to git's own services."""

from __future__ import annotations

from git_datmo.errors import DatmoError
from git_remote_datmo.pipes import open_service, open_speaking
from git_remote_datmo.protocol import PIPES, RECEIVE_PACK, UPLOAD_PACK, Command
from git_remote_datmo.session import Session
from git_remote_datmo.wire import relay_reading, write_output

UNDERSTOOD = frozenset({"family", "progress", "servpath", "verbosity"})


class Native:
    """Backend that connects git to the service at a URL."""

    def __init__(self, session: Session, url: str) -> None:
        self._session = session
        self._url = url

    def capabilities(self) -> tuple[bytes, ...]:
        """Return the capabilities of raw pipes."""
        return PIPES

    def option(self, command: Command) -> bytes:
        """Answer an `option` command: `ok` if the helper applies the option."""
        return b"ok\n" if command.option[0] in UNDERSTOOD else b"unsupported\n"

    def connect(self, command: Command) -> int | None:
        """Relay between git and the service until the end; return the exit status.

        Returns None for `stateless-connect`, after which git asks for `connect`.
        """
        if command.verb != "connect":
            write_output(b"fallback\n")
            return None
        # Any other service (git-upload-archive) waits for the client's arguments first.
        is_speaking_first = command.argument in (RECEIVE_PACK, UPLOAD_PACK)
        opening = open_speaking if is_speaking_first else open_service
        service = opening(self._session, self._url, command.argument)
        # An empty line says that the connection is open (gitremote-helpers, `connect`).
        write_output(b"\n")
        if command.argument != RECEIVE_PACK:
            return relay_reading(service)
        from git_remote_datmo.receive import take_push

        return take_push(self._session, self._url, service)

    def block(self, command: Command, _: list[bytes]) -> bytes:
        """Raise `DatmoError`, since this backend does not offer commands of several lines."""
        raise DatmoError(f"git asks for '{command.verb}', which was not offered for '{self._url}'")

    def end(self) -> int:
        """Return 0, since no program is left to end."""
        return 0
