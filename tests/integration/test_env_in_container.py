"""Test work inside an environment's image, on the working tree itself: a command, a terminal, a
port."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import datmo
from tests.support.shell import Shell
from tests.support.terminal import type_into
from tests.support.virtual_environments import with_packages

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

# Stands for Jupyter. git-datmo sets the port, the token and the folder.
LAB = """\
#!/usr/bin/env python3
import os, signal, sys
port = next(word[7:] for word in sys.argv if word.startswith("--port="))
print(port, os.environ["JUPYTER_TOKEN"], os.getcwd(), flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
signal.pause()
"""
DOCKERFILE = (
    "FROM python:3.11-slim\nCOPY lab /usr/local/bin/jupyter\nRUN chmod +x /usr/local/bin/jupyter\n"
)


@pytest.mark.timeout(120)
def test_environment_in_container_runs_command_terminal_and_jupyter(
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

    words, env = ["git", "datmo", "env", "shell", "--jupyter"], dict(repo.env)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        words, cwd=repo.cwd, env=env, stdout=pipe, stderr=pipe, text=True
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stderr is not None
            told = next(line for line in child.stderr if "Jupyter will answer at" in line)
            port, token, folder = child.stdout.readline().split()
            assert f"http://127.0.0.1:{port}/?token={token}" in told
            assert folder == "/work"
            listed = ["docker", "ps", "--format", "{{.Ports}}"]
            shown = subprocess.run(listed, env=env, capture_output=True, check=True).stdout
            assert f"127.0.0.1:{port}->{port}/tcp".encode() in shown
        finally:
            child.terminate()
    left = subprocess.run(["docker", "ps", "-aq"], env=env, capture_output=True, check=True)
    assert left.stdout == b""
