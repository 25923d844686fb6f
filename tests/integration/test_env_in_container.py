"""Working inside an environment's image: a command, a terminal, a port; the working tree itself is there."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.team import datmo
from tests.integration.test_env_command import type_into, with_packages
from tests.servers.shell import Shell

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

# Stands for Jupyter: what is of git-datmo is the port, the token and the folder.
LAB = """\
#!/usr/bin/env python3
import http.server, os, sys
port = next(int(word[7:]) for word in sys.argv if word.startswith("--port="))
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        known = self.path.endswith("token=" + os.environ["JUPYTER_TOKEN"])
        self.send_response(200 if known else 403)
        self.end_headers()
        self.wfile.write(" ".join(sorted(os.listdir("."))).encode())
http.server.HTTPServer(("0.0.0.0", port), Handler).serve_forever()
"""
DOCKERFILE = "FROM python:3.11-slim\nCOPY lab /usr/local/bin/jupyter\nRUN chmod +x /usr/local/bin/jupyter\n"


def answer(url: str) -> str:
    """What a server says that may be starting."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(url) as reply:
                return str(reply.read().decode())
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise AssertionError(f"nobody answers at {url}")


@pytest.mark.timeout(120)
def test_a_command_a_terminal_and_jupyter(
    make_repo: Callable[..., Shell], tmp_path: Path, engine_environ: dict[str, str]
) -> None:
    repo = with_packages(make_repo(**engine_environ), tmp_path / "bare")
    repo.commit("lab", LAB)
    repo.commit("Dockerfile", DOCKERFILE)
    datmo(repo, "init")
    datmo(repo, "run", "--engine", "docker", "--", "python3", "-c", "print(1)")
    told = json.loads(datmo(repo, "env", "build", "--json").stdout)
    assert told["image"].startswith("sha256:")
    inside = "import os; print(os.getcwd(), sorted(os.listdir())); open('made', 'w')"
    done = datmo(repo, "env", "shell", "--", "python3", "-c", inside)
    assert done.stdout.startswith("/work ['.git', 'Dockerfile', 'lab'")
    assert (repo.cwd / "made").exists()

    code, shown = type_into(repo, b"tty; stty size; exit 7\n", "git", "datmo", "env", "shell")
    assert code == 7
    assert b"/dev/pts/0" in shown or b"/dev/console" in shown

    child = subprocess.Popen(
        ["git", "datmo", "env", "shell", "--jupyter"],
        cwd=repo.cwd,
        env=dict(repo.env),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stderr is not None
        line = next(line for line in child.stderr if "Jupyter will answer at" in line)
        url = line.split()[4]
        assert "Dockerfile lab made" in answer(url)
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(url + "x")
    finally:
        child.terminate()
        child.wait()
    left = subprocess.run(["docker", "ps", "-aq"], env=dict(repo.env), capture_output=True, check=True)
    assert left.stdout == b""
