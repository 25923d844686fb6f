"""Run a registry for images (the program `docker-registry`) on the loopback interface."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import bcrypt

from tests.support.servers.server_process import start_on_free_port

_SETTINGS = """version: 0.1
storage: {{filesystem: {{rootdirectory: '{folder}/stored'}}}}
http: {{addr: '127.0.0.1:{port}'}}
log: {{level: info}}
"""
_LOGIN = "auth: {{htpasswd: {{realm: tests, path: '{folder}/htpasswd'}}}}\n"


@contextmanager
def serve_registry(
    folder: Path, env: Mapping[str, str], *, user: str = "", password: str = ""
) -> Iterator[str]:
    """Serve a registry that keeps its images in `folder`, and yield its `host:port`.

    With a `user`, it asks for a login.
    """
    folder.mkdir()
    settings = folder / "settings.yml"
    if user:
        digest = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
        (folder / "htpasswd").write_text(f"{user}:{digest}\n")

    def command(port: int) -> list[str]:
        text = _SETTINGS + (_LOGIN if user else "")
        settings.write_text(text.format(folder=folder, port=port))
        return ["docker-registry", "serve", str(settings)]

    server, port = start_on_free_port(command, ready="listening on", env=env)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop()
