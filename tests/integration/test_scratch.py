"""Test that folders of reruns are removed, those of killed processes by the next rerun."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable

from git_datmo.repository.workspace import open_workspace
from git_datmo.runs.rerun_folder import TREE, scratch_folder
from tests.support.commands import datmo
from tests.support.shell import Shell

USE = """\
import os, sys, time
from pathlib import Path
from git_datmo.runs.rerun_folder import TREE, scratch_folder
from git_datmo.repository.workspace import open_workspace
with open_workspace(os.environ, Path.cwd()) as ws, scratch_folder(ws, None) as folder:
    ws.repo.git.run("worktree", "add", "-q", "--detach", str(folder / TREE), "HEAD")
    print(folder, flush=True)
    time.sleep(1000)
"""


def test_scratch_folder_of_killed_process_is_removed_by_the_next(
    make_repo: Callable[..., Shell],
) -> None:
    repo = make_repo()
    repo.commit("a", "a")
    datmo(repo, "init")
    base = repo.cwd / ".git" / "datmo" / "scratch"
    used = [
        subprocess.Popen(
            [sys.executable, "-c", USE], cwd=repo.cwd, env=dict(repo.env), stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    try:
        folders = [
            child.stdout.readline().decode().strip() for child in used if child.stdout is not None
        ]
        used[0].send_signal(signal.SIGKILL)
        used[0].wait()
        with open_workspace(repo.env, repo.cwd) as ws, scratch_folder(ws, None) as mine:
            assert {str(path) for path in base.iterdir() if path.is_dir()} == {
                folders[1],
                str(mine),
            }
            assert repo.git("worktree", "list").count(f"/{TREE} ") == 1
    finally:
        for child in used:
            child.kill()
            child.communicate()
    with open_workspace(repo.env, repo.cwd) as ws, scratch_folder(ws, None):
        pass
    assert list(base.iterdir()) == []
    assert len(repo.git("worktree", "list").splitlines()) == 1
