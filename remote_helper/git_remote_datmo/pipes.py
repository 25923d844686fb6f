"""Services of git's on the other side, over pipes that git opens or over TCP."""

from __future__ import annotations

import os
import select
from typing import BinaryIO

from git_datmo.errors import DatmoError
from git_datmo.git.remote_commands import twice
from git_datmo.git.service_pipes import Ends, start_service
from git_datmo.waits import reap
from git_remote_datmo.protocol import RECEIVE_PACK
from git_remote_datmo.service import Service
from git_remote_datmo.session import Session
from git_remote_datmo.urls import kind_of
from git_remote_datmo.wire import write_all, write_message


def open_speaking(session: Session, url: str, service: str) -> Service:
    """Open a service that speaks first, once it does; ask again where it is silent, and raise
    `Silent` in the end."""

    def opened() -> PipedCommand | Daemon:
        found = open_service(session, url, service)
        found.await_answer()
        return found

    return twice(opened)


def open_service(session: Session, url: str, service: str) -> PipedCommand | Daemon:
    """`service` at a path or an ssh://, git:// or file:// URL; by the program that git asked for,
    if it named one."""
    program = session.options.get("servpath", service)
    kind = kind_of(url)
    if kind == "git":
        return Daemon(session, url, program, reads=service != RECEIVE_PACK)
    return PipedCommand(session, url, program, is_ssh=kind == "ssh")


class PipedCommand:
    """A program that git starts here or over ssh."""

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
        # Held here too, they would hide from this side that the service is gone.
        os.close(reading)
        os.close(writing)

    def await_answer(self) -> None:
        self.watch.wait(self._answers, select.POLLIN)

    def read(self, size: int) -> bytes:
        return self.watch.read(self._answers, size)

    def write(self, data: bytes) -> None:
        write_all(self._asking, data)

    def close_asking(self) -> None:
        os.close(self._asking)

    def finish(self) -> int:
        os.close(self._answers)
        code = reap(self._child, self.watch)
        with self._status, self._said:
            self._status.seek(0)
            if ended := self._status.read().strip():
                return int(ended)
            # The command was never started: then what git says is all there is to know.
            self._said.seek(0)
            write_all(2, self._said.read())
        return code


def _scratch_file() -> BinaryIO:
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("git-remote-datmo"), "w+b")
    import tempfile

    return tempfile.TemporaryFile()


class Daemon:
    """A service of a git:// server, whose protocol starts with one line over TCP."""

    def __init__(self, session: Session, url: str, program: str, *, reads: bool) -> None:
        from git_datmo.git.daemon import connect_daemon

        if session.environ.get("GIT_PROXY_COMMAND") or session.config.get("core.gitproxy"):
            raise DatmoError(
                "git:// through a proxy command is not served behind datmo::",
                "use an https:// or ssh:// URL",
            )
        session.check_allowed("git")
        version = session.config.get("protocol.version", "2")
        # As git does: nothing that takes a push speaks version 2.
        self._connection = connect_daemon(
            url,
            program,
            version if reads or version == "1" else "",
            family=session.options.get("family", ""),
            tell=write_message if session.is_verbose else None,
        )

        self.watch = session.watch()

    def await_answer(self) -> None:
        self.watch.wait(self._connection.fileno(), select.POLLIN)

    def read(self, size: int) -> bytes:
        # A server that said no hangs up on what it was still told. What an early end cuts short,
        # git tells.
        try:
            return self.watch.read(self._connection.fileno(), size)
        except ConnectionError:
            return b""

    def write(self, data: bytes) -> None:
        self._connection.sendall(data)

    def close_asking(self) -> None:
        import socket

        self._connection.shutdown(socket.SHUT_WR)

    def finish(self) -> int:
        self._connection.close()
        return 0
