"""A service's pipes, as git itself would open them.

No git command hands its connection out. So git is asked to list the remote, with the command that it starts for the
connection wrapped: the wrapper joins that command to pipes of the helper's. Which program, which arguments, which
environment, which protocol version: all of it stays git's decision.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import BinaryIO, Protocol

from git_datmo.errors import DatmoError
from git_remote_datmo.protocol import RECEIVE_PACK
from git_remote_datmo.session import Session
from git_remote_datmo.urls import kind_of
from git_remote_datmo.wire import write_all

# Descriptors of the wrapped command; POSIX shells promise no more than one digit.
STDIN, STDOUT, STATUS, STDERR = 3, 4, 5, 6
# Out of the way of those, so that setting them up overwrites nothing that is still to be set.
ABOVE = 10

JOINED = f'( {{command}} "$@" ) <&{STDIN} >&{STDOUT} 2>&{STDERR}; echo $? >&{STATUS}'
# git probes a command that it does not know by `-G`; the probe must see the command, and the pipes not the probe.
WRAPPED_SSH = f'datmo() {{{{ if [ "$1" = -G ]; then {{command}} "$@"; else {JOINED}; fi; }}}}; datmo'
WRAPPED_LOCAL = f"datmo() {{{{ {JOINED}; }}}}; datmo"

VARIANTS = ("ssh", "plink", "putty", "tortoiseplink")


class Service(Protocol):
    """A program of git's on the other side; what it says goes on until `read` gives nothing."""

    def read(self, size: int, /) -> bytes: ...
    def write(self, data: bytes, /) -> None: ...
    def close_asking(self) -> None: ...
    def finish(self) -> int:
        """Listen no longer, wait for the end, and give the exit status."""


def open_service(session: Session, url: str, service: str) -> Service:
    """`service` at a path or an ssh://, git:// or file:// URL; by the program that git asked for, if it named one."""
    program = session.options.get("servpath", service)
    kind = kind_of(url)
    if kind == "git":
        return Daemon(session, url, program, reads=service != RECEIVE_PACK)
    return Command(session, url, program, is_ssh=kind == "ssh")


class Command:
    """A program that git starts here or over ssh."""

    def __init__(self, session: Session, url: str, program: str, *, is_ssh: bool) -> None:
        env = session.environ_for(url)
        if is_ssh:
            env.update(_wrapped_ssh(session))
        else:
            program = WRAPPED_LOCAL.format(command=program)
        argv = ["git", "ls-remote", *_family(session), f"--upload-pack={program}", url]
        self._status, self._said = _scratch_file(), _scratch_file()
        reading, self._asking = os.pipe()
        self._answers, writing = os.pipe()
        self._child = _start(argv, env, reading, writing, self._status.fileno(), self._said.fileno())
        # Held here too, they would hide from this side that the service is gone.
        os.close(reading)
        os.close(writing)

    def read(self, size: int) -> bytes:
        return os.read(self._answers, size)

    def write(self, data: bytes) -> None:
        write_all(self._asking, data)

    def close_asking(self) -> None:
        os.close(self._asking)

    def finish(self) -> int:
        os.close(self._answers)
        code = os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])
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


def _family(session: Session) -> list[str]:
    wanted = {"ipv4": "-4", "ipv6": "-6"}.get(session.options.get("family", ""))
    return [wanted] if wanted else []


def _wrapped_ssh(session: Session) -> dict[str, str]:
    command = _ssh_command(session)
    env = {"GIT_SSH_COMMAND": WRAPPED_SSH.format(command=command)}
    if "GIT_SSH_VARIANT" not in session.environ and not session.config.get("ssh.variant"):
        name = Path(shlex.split(command)[0]).name.lower().removesuffix(".exe")
        env.update({"GIT_SSH_VARIANT": name} if name in VARIANTS else {})
    return env


def _ssh_command(session: Session) -> str:
    """The shell words of the user's ssh, in the order in which git looks for them."""
    given = session.environ.get("GIT_SSH_COMMAND") or session.config.get("core.sshcommand")
    return given or shlex.quote(session.environ.get("GIT_SSH") or "ssh")


def _start(argv: list[str], env: dict[str, str], stdin: int, stdout: int, status: int, said: int) -> int:
    import fcntl

    high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, ABOVE) for descriptor in (stdin, stdout, status, said)]
    try:
        return os.posix_spawnp(
            argv[0],
            argv,
            env,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, high[0], STDIN),
                (os.POSIX_SPAWN_DUP2, high[1], STDOUT),
                (os.POSIX_SPAWN_DUP2, high[2], STATUS),
                (os.POSIX_SPAWN_DUP2, 2, STDERR),
                (os.POSIX_SPAWN_DUP2, high[3], 2),
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            ],
        )
    finally:
        for descriptor in high:
            os.close(descriptor)


class Daemon:
    """A service of a git:// server, whose protocol starts with one line over TCP."""

    def __init__(self, session: Session, url: str, program: str, *, reads: bool) -> None:
        import socket
        from urllib.parse import unquote, urlsplit

        if session.environ.get("GIT_PROXY_COMMAND") or session.config.get("core.gitproxy"):
            raise DatmoError(
                "git:// through a proxy command is not served behind datmo::", "use an https:// or ssh:// URL"
            )
        session.check_allowed("git")
        parts = urlsplit(url)
        self._place = parts.netloc
        request = f"{program} {unquote(parts.path)}\0host={parts.netloc.rpartition('@')[2]}\0"
        version = session.config.get("protocol.version", "2")
        # As git does: nothing that takes a push speaks version 2.
        if version == "1" or (version == "2" and reads):
            request += f"\0version={version}\0"
        line = request.encode("utf-8", "surrogateescape")
        try:
            self._connection = socket.create_connection((unquote(parts.hostname or ""), parts.port or 9418))
            self._connection.sendall(b"%04x%s" % (len(line) + 4, line))
        except OSError as error:
            raise DatmoError(f"unable to connect to {self._place}: {error.strerror or error}") from error

    def read(self, size: int) -> bytes:
        try:
            return self._connection.recv(size)
        except ConnectionError as error:
            raise DatmoError(f"connection to {self._place} lost: {error.strerror or error}") from error

    def write(self, data: bytes) -> None:
        self._connection.sendall(data)

    def close_asking(self) -> None:
        import socket

        self._connection.shutdown(socket.SHUT_WR)

    def finish(self) -> int:
        self._connection.close()
        return 0
