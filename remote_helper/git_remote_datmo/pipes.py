"""The helper's own pipes, joined to a service until it ends."""

from __future__ import annotations

import os
import socket
import threading
from urllib.parse import urlsplit

from git_datmo.errors import DatmoError
from git_datmo.git.daemon import connect_daemon
from git_datmo.git.pipes import Ends, start_service
from git_remote_datmo.session import Session
from git_remote_datmo.wire import pump, write_all


def join_service(session: Session, url: str, program: str, *, is_ssh: bool) -> int:
    """Serve the helper's pipes with `program` at `url` until it ends; its exit status."""
    import tempfile

    with tempfile.TemporaryFile() as status, tempfile.TemporaryFile() as said:
        ends = Ends(0, 1, 2, status.fileno(), said.fileno())
        child = start_service(
            session.environ, session.config, url, program, ends, is_ssh=is_ssh, options=family(session)
        )
        # Held by the helper too, they would hide from the other side that the service is gone, or from it that git is.
        for descriptor in (0, 1):
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, descriptor)
            os.close(null)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
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


def join_daemon(session: Session, url: str, program: str) -> int:
    """Serve the helper's pipes with a service of a git:// server, whose protocol starts with one line over TCP."""
    if session.environ.get("GIT_PROXY_COMMAND") or session.config.get("core.gitproxy"):
        raise DatmoError("git:// through a proxy command is not served behind datmo::", "use an https:// or ssh:// URL")
    session.check_allowed("git")
    connection = connect_daemon(url, program, session.config.get("protocol.version", "2"))
    with connection:
        # Left behind when the server closes first: nothing that git still sends would be read.
        threading.Thread(target=_send_own_input, args=(connection,), daemon=True).start()
        try:
            pump(connection.recv, lambda data: write_all(1, data))
        except ConnectionError as error:
            raise DatmoError(f"connection to {urlsplit(url).netloc} lost: {error.strerror or error}") from error
    return 0


def _send_own_input(connection: socket.socket) -> None:
    try:
        pump(lambda size: os.read(0, size), connection.sendall)
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        return
