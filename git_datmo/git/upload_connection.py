"""Open a connection to a remote's `git-upload-pack` that outlives one request, the way git does."""

from __future__ import annotations

import os
import re
import socket
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import IO

from git_datmo.errors import GitFailed
from git_datmo.git.command import Git
from git_datmo.git.config import Config, is_allowed
from git_datmo.git.daemon import connect_daemon
from git_datmo.git.pktline import BrokenPackets, PacketReader
from git_datmo.git.remote_commands import Remote
from git_datmo.git.remote_urls import is_bundle
from git_datmo.git.service_pipes import Ends, start_service
from git_datmo.timeouts import SilenceWatch
from git_datmo.watched_child import reap

SERVICE = "git-upload-pack"
PIPE_SIZE = 1 << 20


class ServiceConnection:
    """A connection to a git service: `send` writes requests, `packets` reads answers.

    A `stateless` service (HTTP) forgets each request, and ends each answer with a mark.
    """

    def __init__(
        self,
        asking: int,
        answering: int,
        ending: ExitStack,
        watch: SilenceWatch,
        *,
        stateless: bool = False,
        said: IO[bytes] | None = None,
    ) -> None:
        _widen(answering)
        self.packets = PacketReader(answering, watch)
        self._watch = watch
        self.stateless = stateless
        self._asking = asking
        self._said = said
        self._ending = ending

    def send(self, request: bytes) -> None:
        """Send a request; raise `GitFailed` if the service has ended, `Silent` if it does not
        read."""
        try:
            self._watch.write(self._asking, request)
        except OSError as error:
            raise self.failure("the remote end hung up") from error

    def failure(self, why: str) -> GitFailed:
        """Return the error for a broken connection: the service's own message, else `why`."""
        said = ""
        if self._said is not None:
            self._said.seek(0)
            said = self._said.read().decode("utf-8", "replace")
        return GitFailed(["fetch"], 128, f"{said}\nfatal: {why}".lstrip("\n"))

    def close(self) -> None:
        """Close the connection and end its processes."""
        self._ending.close()


def open_upload_pack(git: Git, config: Config, remote: Remote) -> ServiceConnection | None:
    """Open a connection to the service that `remote` is fetched from.

    `git` is the result of `beside`. Returns None if only git itself can connect. The server has not
    answered anything yet.
    """
    # Git itself applies `insteadOf`.
    url = git.text("ls-remote", "--get-url", "--", remote.address)
    named = re.match(r"([A-Za-z0-9][A-Za-z0-9+.-]*)(://|::)", url)
    scheme = named[1] if named else _scheme_of_path(url)
    # A remote helper or a bundle has no service to talk to.
    if (named and named[2] == "::") or is_bundle(url):
        return None
    program = config.get(f"remote.{remote.name}.uploadpack") or SERVICE
    speaking = git.with_config([("protocol.version", "2")])
    with ExitStack() as ending:
        if scheme in ("http", "https"):
            if not is_allowed(git.environ, config, scheme):
                return None
            return _open_helper(speaking, scheme, remote, url, ending)
        if scheme in ("file", "ssh"):
            return _open_pipes(speaking, config, remote, program, ending, is_ssh=scheme == "ssh")
        # Git starts the user's proxy command for git:// itself.
        is_direct = scheme == "git" and not _has_git_proxy(git, config)
        if is_direct and is_allowed(git.environ, config, scheme):
            connection = ending.enter_context(connect_daemon(url, program, "2"))
            # Only a shutdown wakes a thread that reads from the socket.
            ending.callback(_shut, connection)
            end = connection.fileno()
            return ServiceConnection(
                end, end, ending.pop_all(), SilenceWatch(f"'{remote.address}'")
            )
    return None


def _scheme_of_path(url: str) -> str:
    """Return the transport of a URL without a scheme, as git decides it (git-fetch).

    `host:path` is for ssh, unless a slash comes before the colon.
    """
    return "ssh" if ":" in url.split("/", 1)[0] else "file"


def _has_git_proxy(git: Git, config: Config) -> bool:
    return bool(git.environ.get("GIT_PROXY_COMMAND") or config.get("core.gitproxy"))


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _open_helper(
    git: Git, scheme: str, remote: Remote, url: str, ending: ExitStack
) -> ServiceConnection | None:
    """Connect through git's own helper for HTTP, with one HTTP request for each of ours
    (gitremote-helpers)."""
    import tempfile

    said = ending.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    asking = replace(git, remote=remote.address)
    child = asking.start(f"remote-{scheme}", remote.address, url, stderr=said.fileno())
    assert child.stdin is not None
    assert child.stdout is not None
    ending.callback(child.end)
    ending.enter_context(child.stdout)
    # Callbacks run in reverse: its input is closed first, so the helper ends by itself.
    ending.callback(_close_quietly, child.stdin)
    its_in = child.stdin.fileno()
    answering = child.stdout.fileno()
    connection = ServiceConnection(
        its_in, answering, ending.pop_all(), child.watch, stateless=True, said=said
    )
    try:
        connection.send(f"stateless-connect {SERVICE}\n".encode())
        # An empty line means connected, `fallback` that the server cannot (gitremote-helpers).
        if not connection.packets.line():
            return connection
    except BrokenPackets as error:
        failure = connection.failure(str(error))
        connection.close()
        raise failure from error
    connection.close()
    return None


def _close_quietly(file: IO[bytes]) -> None:
    with suppress(BrokenPipeError):
        file.close()


def _open_pipes(
    git: Git, config: Config, remote: Remote, program: str, ending: ExitStack, *, is_ssh: bool
) -> ServiceConnection:
    """Connect through pipes that git joins to the service."""
    import tempfile

    said, status = (ending.enter_context(tempfile.TemporaryFile()) for _ in range(2))  # noqa: SIM115
    (its_in, asking), (answering, its_out) = os.pipe(), os.pipe()
    try:
        ends = Ends(its_in, its_out, said.fileno(), status.fileno(), said.fileno())
        child = start_service(
            git.child_environment(), config, remote.address, program, ends, is_ssh=is_ssh
        )
    finally:
        # The child has its own copies. With ours open, a read would never see the end.
        os.close(its_in)
        os.close(its_out)
    watch = SilenceWatch(f"'{remote.address}'", root=child, victim=child)
    # Callbacks run in reverse: closing the pipes first lets the child end by itself.
    ending.callback(reap, child, watch)
    ending.callback(os.close, answering)
    ending.callback(os.close, asking)
    return ServiceConnection(asking, answering, ending.pop_all(), watch, said=said)


def _widen(descriptor: int) -> None:
    """Enlarge a pipe's buffer, so that both ends sleep less often."""
    import fcntl

    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):
            # A user's pipes together are limited, so the system may refuse (pipe(7)).
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
