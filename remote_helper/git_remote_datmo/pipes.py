"""A service's pipes, as git itself would open them.

No git command hands its connection out. So git is asked to list the remote, with the command that it starts for the
connection wrapped: the wrapper joins that command to the helper's own pipes. Which program, which arguments, which
environment, which protocol version: all of it stays git's decision.
"""

from __future__ import annotations

import os
import shlex
import socket
import threading
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from git_datmo.errors import DatmoError
from git_remote_datmo.session import Session
from git_remote_datmo.wire import pump, write_all

# Descriptors of the wrapped command; POSIX shells promise no more than one digit.
STDIN, STDOUT, STATUS, STDERR = 3, 4, 5, 6
# Out of the way of those, so that setting them up overwrites nothing that is still to be set.
ABOVE = 10

JOINED = f'( {{command}} "$@" ) <&{STDIN} >&{STDOUT} 2>&{STDERR}; echo $? >&{STATUS}'
# git probes a command that it does not know by `-G`; the probe must see the command, and the pipes not the probe.
WRAPPED_SSH = f'datmo() {{{{ if [ "$1" = -G ]; then {{command}} "$@"; else {JOINED}; fi; }}}}; datmo'
WRAPPED_LOCAL = f"datmo() {{{{ {JOINED}; }}}}; datmo"

VARIANTS = ("ssh", "plink", "putty", "tortoiseplink")


def join_service(session: Session, url: str, program: str, *, is_ssh: bool) -> int:
    """Serve the helper's pipes with `program` at `url` until it ends; its exit status."""
    import tempfile

    env = dict(session.environ)
    if is_ssh:
        command = _ssh_command(session)
        env["GIT_SSH_COMMAND"] = WRAPPED_SSH.format(command=command)
        if "GIT_SSH_VARIANT" not in env and not session.config.get("ssh.variant"):
            name = Path(shlex.split(command)[0]).name.lower().removesuffix(".exe")
            env.update({"GIT_SSH_VARIANT": name} if name in VARIANTS else {})
    else:
        program = WRAPPED_LOCAL.format(command=program)
    argv = ["git", "ls-remote", *family(session), f"--upload-pack={program}", url]
    with tempfile.TemporaryFile() as status, tempfile.TemporaryFile() as said:
        code = _run_above(argv, env, status, said)
        status.seek(0)
        if ended := status.read().strip():
            return int(ended)
        # The command was never started: then what git says is all there is to know.
        said.seek(0)
        write_all(2, said.read())
        return code


def family(session: Session) -> list[str]:
    wanted = {"ipv4": "-4", "ipv6": "-6"}.get(session.options.get("family", ""))
    return [wanted] if wanted else []


def _ssh_command(session: Session) -> str:
    """The shell words of the user's ssh, in the order in which git looks for them."""
    given = session.environ.get("GIT_SSH_COMMAND") or session.config.get("core.sshcommand")
    return given or shlex.quote(session.environ.get("GIT_SSH") or "ssh")


def _run_above(argv: list[str], env: dict[str, str], status: BinaryIO, said: BinaryIO) -> int:
    import fcntl

    high = [fcntl.fcntl(file.fileno(), fcntl.F_DUPFD_CLOEXEC, ABOVE) for file in (status, said)]
    try:
        child = os.posix_spawnp(
            argv[0],
            argv,
            env,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, 0, STDIN),
                (os.POSIX_SPAWN_DUP2, 1, STDOUT),
                (os.POSIX_SPAWN_DUP2, high[0], STATUS),
                (os.POSIX_SPAWN_DUP2, 2, STDERR),
                (os.POSIX_SPAWN_DUP2, high[1], 2),
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            ],
        )
    finally:
        for descriptor in high:
            os.close(descriptor)
    # Held by the helper too, they would hide from the other side that the service is gone, or from it that git is.
    for descriptor in (0, 1):
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, descriptor)
        os.close(null)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def join_daemon(session: Session, url: str, program: str) -> int:
    """Serve the helper's pipes with a service of a git:// server, whose protocol starts with one line over TCP."""
    if session.environ.get("GIT_PROXY_COMMAND") or session.config.get("core.gitproxy"):
        raise DatmoError("git:// through a proxy command is not served behind datmo::", "use an https:// or ssh:// URL")
    session.check_allowed("git")
    parts = urlsplit(url)
    host, port = unquote(parts.hostname or ""), parts.port or 9418
    request = f"{program} {unquote(parts.path)}\0host={parts.netloc.rpartition('@')[2]}\0"
    version = session.config.get("protocol.version", "2")
    if version in ("1", "2"):
        request += f"\0version={version}\0"
    line = request.encode("utf-8", "surrogateescape")
    try:
        connection = socket.create_connection((host, port))
    except OSError as error:
        raise DatmoError(f"unable to connect to {parts.netloc}: {error.strerror or error}") from error
    with connection:
        connection.sendall(b"%04x%s" % (len(line) + 4, line))
        # Left behind when the server closes first: nothing that git still sends would be read.
        threading.Thread(target=_send_own_input, args=(connection,), daemon=True).start()
        try:
            pump(connection.recv, lambda data: write_all(1, data))
        except ConnectionError as error:
            raise DatmoError(f"connection to {parts.netloc} lost: {error.strerror or error}") from error
    return 0


def _send_own_input(connection: socket.socket) -> None:
    try:
        pump(lambda size: os.read(0, size), connection.sendall)
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        return
