"""Services of git on a remote, over pipes that git opens or over TCP."""

from __future__ import annotations

import os
import select
from typing import BinaryIO

from git_datmo.errors import DatmoError
from git_datmo.git.remote_commands import twice
from git_datmo.git.service_pipes import Ends, start_service
from git_datmo.watched_child import reap
from git_remote_datmo.protocol import RECEIVE_PACK
from git_remote_datmo.service import Service
from git_remote_datmo.session import Session
from git_remote_datmo.urls import kind_of
from git_remote_datmo.wire import write_all, write_message


def open_speaking(session: Session, url: str, service: str) -> Service:
    """Open a service that writes first, and wait for its first bytes.

    A silent service is opened a second time. Raises `Silent` if that fails too.
    """

    def opened() -> PipedCommand | Daemon:
        found = open_service(session, url, service)
        found.await_answer()
        return found

    return twice(opened)


def open_service(session: Session, url: str, service: str) -> PipedCommand | Daemon:
    """Open a service at a path or an ssh://, git:// or file:// URL.

    The program is `service`, or the replacement that git set by the option `servpath`.
    """
    program = session.options.get("servpath", service)
    kind = kind_of(url)
    if kind == "git":
        return Daemon(session, url, program, reads=service != RECEIVE_PACK)
    return PipedCommand(session, url, program, is_ssh=kind == "ssh")


class PipedCommand:
    """Service that git starts on this machine or over ssh."""

    def __init__(self, session: Session, url: str, program: str, *, is_ssh: bool) -> None:
        self._status, self._said = _scratch_file(), _scratch_file()
        reading, self._asking = os.pipe()
        self._answers, writing = os.pipe()
        ends = Ends(reading, writing, 2, self._status.fileno(), self._said.fileno())
        family = session.options.get("family", "")
        env = session.environ_for(url)
        self._child = start_service(
            env, session.config, url, program, ends, is_ssh=is_ssh, family=family
        )
        self.watch = session.watch(self._child)
        # Close the service's ends in this process, since they would hide that the service has
        # ended.
        os.close(reading)
        os.close(writing)

    def await_answer(self) -> None:
        """Wait for the first bytes; raise `Silent` after too long a silence."""
        self.watch.wait(self._answers, select.POLLIN)

    def read(self, size: int) -> bytes:
        """Read bytes of the service."""
        return self.watch.read(self._answers, size)

    def write(self, data: bytes) -> None:
        """Write bytes to the service."""
        write_all(self._asking, data)

    def close_asking(self) -> None:
        """Close the input of the service."""
        os.close(self._asking)

    def finish(self) -> int:
        """Stop reading, wait for the end, and return the exit status of the service."""
        os.close(self._answers)
        code = reap(self._child, self.watch)
        with self._status, self._said:
            self._status.seek(0)
            if ended := self._status.read().strip():
                return int(ended)
            # Without a recorded status the service never started, so git's own messages are passed
            # on.
            self._said.seek(0)
            write_all(2, self._said.read())
        return code


def _scratch_file() -> BinaryIO:
    """Return a new file without a name: in memory, or else on disk."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("git-remote-datmo"), "w+b")
    import tempfile

    return tempfile.TemporaryFile()


class Daemon:
    """Service of a git:// server. Its protocol starts with a line over TCP (gitprotocol-pack).

    Raises `DatmoError` if the user has set a proxy command for git://, or forbids the transport.
    """

    def __init__(self, session: Session, url: str, program: str, *, reads: bool) -> None:
        from git_datmo.git.daemon import connect_daemon

        if session.environ.get("GIT_PROXY_COMMAND") or session.config.get("core.gitproxy"):
            raise DatmoError(
                "git:// through a proxy command is not served behind datmo::",
                "use an https:// or ssh:// URL",
            )
        session.check_allowed("git")
        # Version 2 is git's default (git-config, protocol.version).
        version = session.config.get("protocol.version", "2")
        # As in git, version 2 is never requested for a push, since receive-pack has no version 2.
        self._connection = connect_daemon(
            url,
            program,
            version if reads or version == "1" else "",
            family=session.options.get("family", ""),
            tell=write_message if session.is_verbose else None,
        )

        self.watch = session.watch()

    def await_answer(self) -> None:
        """Wait for the first bytes; raise `Silent` after too long a silence."""
        self.watch.wait(self._connection.fileno(), select.POLLIN)

    def read(self, size: int) -> bytes:
        """Read bytes of the server; return b'' if it broke the connection."""
        # A server that refuses a push resets the connection while bytes to it are pending. Git
        # reports a premature end itself.
        try:
            return self.watch.read(self._connection.fileno(), size)
        except ConnectionError:
            return b""

    def write(self, data: bytes) -> None:
        """Write bytes to the server."""
        self._connection.sendall(data)

    def close_asking(self) -> None:
        """Close the sending direction of the connection."""
        import socket

        self._connection.shutdown(socket.SHUT_WR)

    def finish(self) -> int:
        """Close the connection and return 0, since the protocol has no exit status."""
        self._connection.close()
        return 0
