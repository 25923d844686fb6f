"""Remember the server of a clone, so that a second start finds the first."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from git_datmo.repository.workspace import Workspace
from git_datmo.runs.run_liveness import boot_id, start_time

STATE = "ui.json"
LOCK = "ui.lock"


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server of the page. `started` and `boot` tell its process from a later one with its id."""

    pid: int
    started: int
    boot: str
    host: str
    port: int
    token: str

    @property
    def address(self) -> str:
        """Return the address with the token, as a browser on this machine opens it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{self.port}/?token={self.token}"

    @property
    def is_alive(self) -> bool:
        """Return True if the process still runs."""
        return self.boot == boot_id() and start_time(self.pid) == self.started != 0


def new_server(pid: int, host: str, port: int) -> RunningServer:
    """Return this process as a server, with a new token."""
    return RunningServer(pid, start_time(pid), boot_id(), host, port, secrets.token_urlsafe(24))


def find_server(ws: Workspace) -> RunningServer | None:
    """Return the server of this clone if it runs."""
    try:
        found = RunningServer(**json.loads(_path(ws).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.is_alive else None


def note_server(ws: Workspace, server: RunningServer) -> None:
    """Remember a server. The file is readable for its owner alone, in a shared repository too."""
    path = _path(ws)
    fresh = path.with_name(f".{STATE}-{server.pid}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(json.dumps(asdict(server)).encode())
    # A reader gets the old file or the new one, never a part.
    fresh.replace(path)


def forget_server(ws: Workspace, server: RunningServer) -> None:
    """Forget a server, unless another one has taken its place."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        if json.loads(_path(ws).read_bytes())["token"] == server.token:
            _path(ws).unlink()


def _path(ws: Workspace) -> Path:
    return ws.shared_state / STATE


def proxied_addresses(environ: Mapping[str, str], port: int, token: str) -> list[str]:
    """Return the addresses under which proxies of notebooks and editors offer a port."""
    found = []
    template = environ.get("VSCODE_PROXY_URI", "")
    if "{{port}}" in template:
        found.append(template.replace("{{port}}", str(port)))
    prefix = environ.get("JUPYTERHUB_SERVICE_PREFIX", "")
    if prefix:
        base = environ.get("JUPYTERHUB_PUBLIC_URL", "").rstrip("/")
        # The hub's public address ends in the prefix; an older hub does not say it.
        base = base.removesuffix(prefix.rstrip("/"))
        found.append(f"{base}{prefix.rstrip('/')}/proxy/{port}/")
    return [f"{address.rstrip('/')}/?token={token}" for address in found]


def ssh_line(environ: Mapping[str, str], user: str, host: str, port: int) -> str:
    """Return the command with which a person opens the port on another machine."""
    # The address of this machine as the person's ssh reached it (ssh, SSH_CONNECTION).
    words = environ.get("SSH_CONNECTION", "").split()
    reached = words[2] if len(words) == 4 else host
    login = "" if not words or words[3] == "22" else f" -p {words[3]}"
    return f"ssh{login} -N -L {port}:127.0.0.1:{port} {user}@{reached}"
