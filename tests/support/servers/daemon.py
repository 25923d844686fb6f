"""Run `git daemon`: the git:// protocol, which carries neither credentials nor an environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.servers.server_process import start_on_free_port
from tests.support.shell import serving


@dataclass(frozen=True)
class DaemonHost:
    port: int
    name: str = "git"
    environ: Mapping[str, str] = field(default_factory=dict)

    def url(self, bare: Path) -> str:
        return f"git://127.0.0.1:{self.port}{bare}"


@contextmanager
def serve_daemon(env: Mapping[str, str]) -> Iterator[DaemonHost]:
    """Serve every repository of this machine by its absolute path, on the loopback interface
    alone."""

    def command(port: int) -> list[str]:
        return [
            "git", "daemon", "--verbose", "--reuseaddr", "--listen=127.0.0.1", f"--port={port}", "--export-all",
            "--enable=receive-pack",
            "--enable=upload-archive",
        ]  # fmt: skip

    server, port = start_on_free_port(command, ready="Ready to rumble", env=serving(env))
    try:
        yield DaemonHost(port)
    finally:
        server.stop()
