"""Find the user's container engine, and detect if it runs on this machine."""

from __future__ import annotations

import hashlib
import os
import platform
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import docker
from docker.constants import DEFAULT_TIMEOUT_SECONDS
from docker.context import ContextAPI
from docker.errors import DockerException
from requests.exceptions import RequestException

from git_datmo.errors import EngineMissing
from git_datmo.timeouts import DEFAULT, limit

# The base URLs that the Docker SDK gives to engines behind a local socket.
_HERE = ("http+docker://localhost", "http+docker://localnpipe")


@dataclass(frozen=True, slots=True)
class EngineConnection:
    """A connection to an engine that answered.

    The field `here` is True if the engine runs on this machine and can mount folders.
    """

    client: docker.DockerClient
    here: bool


def connect(environ: Mapping[str, str]) -> EngineConnection:
    """Connect to the user's container engine.

    `DOCKER_HOST` chooses it, else the current Docker context, else the first usual socket. Raises
    `EngineMissing` if no engine answers.
    """
    _check_way(environ)
    runtime = environ.get("XDG_RUNTIME_DIR", "/run/user/none")
    sockets = [f"{runtime}/docker.sock", f"{runtime}/podman/podman.sock", "/run/podman/podman.sock"]
    named = environ.get("DOCKER_HOST") or environ.get("DOCKER_CONTEXT")
    # If the user has named an engine, no other engine is tried.
    hosts = [] if named else [f"unix://{path}" for path in sockets if _is_socket(path)]
    why, patience = "", round(limit() or DEFAULT)
    for host in ("", *hosts):
        try:
            if host:
                client = docker.DockerClient(base_url=host, timeout=patience)
            else:
                # Use the ssh program, which has the user's configuration and agent.
                client = docker.from_env(environment=environ, use_ssh_client=True, timeout=patience)
            client.ping()
            # The timeout above is only for the first answer. Later requests may take long without
            # output.
            client.api.timeout = DEFAULT_TIMEOUT_SECONDS
        except (DockerException, RequestException, OSError) as e:
            # The first attempt follows the user's choice, so its error is shown.
            why = why or str(e)
        else:
            return EngineConnection(client, str(client.api.base_url) in _HERE)
    where = named or "the usual sockets"
    raise EngineMissing(
        f"no container engine answers at {where}",
        "start Docker or Podman, or use '--engine venv', which isolates less"
        + (f" ({why[:200]})" if why else ""),
    )


def _check_way(environ: Mapping[str, str]) -> None:
    """Raise `EngineMissing` for a missing context or missing SSH support.

    The Docker SDK would use another engine, or report an unclear error.
    """
    host, context = environ.get("DOCKER_HOST", ""), environ.get("DOCKER_CONTEXT", "")
    if context and not host:
        found = ContextAPI.get_context(context)
        if found is None:
            raise EngineMissing(
                f"there is no Docker context '{context}'", "'docker context ls' lists them"
            )
        host = str(found.Host or "")
    if host.startswith("ssh://") and find_spec("paramiko") is None:
        raise EngineMissing(f"'{host}' needs the package paramiko", "pip install 'git-datmo[ssh]'")


def _is_socket(path: str) -> bool:
    """Return True if a path is a socket."""
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def describe_owner(pid: int) -> str:
    """Return a text that identifies a process: machine, process id and start time."""
    machine = hashlib.sha256(platform.node().encode()).hexdigest()[:12]
    return f"{machine}.{pid}.{_start_of(pid)}"


def is_gone(owner: str) -> bool:
    """Return True if an owner was a process of this machine and no longer runs."""
    machine, _, rest = owner.partition(".")
    number, _, _ = rest.partition(".")
    # A process of another machine cannot be examined, so its containers stay.
    if not number.isdecimal() or not describe_owner(0).startswith(f"{machine}."):
        return False
    # The kernel reuses process ids, so the start time must match too.
    return not _is_running(int(number)) or describe_owner(int(number)) != owner


def _start_of(pid: int) -> str:
    """Return a process's start time in ticks since boot (proc, `stat`); '' if it is unknown."""
    try:
        # The program's name is in parentheses, and can contain blanks and parentheses itself.
        return (
            Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19].decode("ascii")
        )
    except (OSError, IndexError):
        return ""


def _is_running(pid: int) -> bool:
    """Return True if a process with this id exists."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return pid > 0
