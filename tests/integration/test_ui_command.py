"""Test `git datmo ui` as a process: one server a clone, which ends when it is interrupted."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from pathlib import Path

from tests.support.commands import datmo, refusal
from tests.support.shell import Shell

LIMIT = 60


def test_second_start_finds_the_first_and_interrupt_ends_it(repo: Shell) -> None:
    argv = ["git", "datmo", "ui", "--no-browser"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        argv, cwd=repo.cwd, env=dict(repo.env), stdout=pipe, stderr=pipe, text=True
    ) as first:
        assert first.stdout is not None
        address = first.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        state = repo.cwd / ".git" / "datmo" / "ui.json"
        assert stat.S_IMODE(state.stat().st_mode) == 0o600
        pid = json.loads(state.read_text())["pid"]
        second = datmo(repo, "ui", "--no-browser")
        assert second.stdout.strip() == address
        assert "served already" in second.stderr
        os.kill(pid, signal.SIGINT)
        _, said = first.communicate(timeout=LIMIT)
    assert first.returncode == 0
    assert not state.exists()
    assert "ssh -N -L" in said
    assert "Traceback" not in said


def test_server_that_was_killed_is_not_found(repo: Shell) -> None:
    dead = {"pid": 1, "started": 0, "boot": "", "host": "127.0.0.1", "port": 1, "token": "t"}
    (repo.cwd / ".git/datmo/ui.json").write_text(json.dumps(dead))
    done = datmo(repo, "ui", "--no-browser", "--port", "1", "--host", "203.0.113.1", code=128)
    assert "cannot listen on port 1 of '203.0.113.1'" in refusal(done)
    # An address of the network has a warning before anything is served.
    assert "served to the network on '203.0.113.1'" in done.stderr


def test_missing_libraries_are_named(repo: Shell, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "starlette.py").write_text("raise ImportError\n")
    shell = repo.having(PYTHONPATH=str(tmp_path / "lib"))
    done = shell.run("git", "datmo", "ui", code=128)
    assert "pip install 'git-datmo[ui]'" in done.stderr
    assert "Traceback" not in done.stderr
