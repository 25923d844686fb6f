"""Test sweeps: keys of configuration files, several runs at a time, and sweeps that go on."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import datmo, experiments, refused
from tests.support.shell import Shell

CONFIG = "model:\n  depth: 2  # levels\nseed: 1\n"
TRAIN = """\
import json, pathlib
depth, seed = (line.split()[1] for line in open("config.yaml") if line.split()[1:])
json.dump({"score": int(depth) * 10 + int(seed)}, open("metrics.json", "w"))
"""
GRID = ("-p", "model.depth=3,4", "-p", "seed=1..3")
COMMAND = ("--", "python3", "train.py")


@pytest.fixture
def sweeper(repo: Shell) -> Shell:
    """Return a repository with a script that reads a configuration file."""
    repo.write("config.yaml", CONFIG)
    repo.commit("train.py", TRAIN)
    repo.git("add", "config.yaml")
    repo.git("commit", "-q", "-m", "config")
    return repo


def runs(repo: Shell) -> list[dict[str, Any]]:
    """Return the experiments that have a run."""
    return [each for each in experiments(repo) if each["run"]]


def scores(repo: Shell) -> list[float]:
    """Return the scores of all runs, sorted."""
    return sorted(each["metrics"]["score"] for each in runs(repo) if each["metrics"])


def test_keys_of_a_configuration_file_are_set_for_each_run(sweeper: Shell) -> None:
    sweeper.git("config", "datmo.ignoredLimit", "1")
    done = datmo(sweeper, "sweep", "--jobs", "2", *GRID, *COMMAND)
    assert "ignored" not in done.stderr, "an output of another combination is not ignored"
    assert done.stderr.splitlines()[-1] == "6 of 6 combinations recorded"
    assert scores(sweeper) == [31, 32, 33, 41, 42, 43]
    assert (sweeper.cwd / "config.yaml").read_text() == CONFIG
    assert sweeper.git("status", "--porcelain", "--untracked-files=all") == ""
    assert sweeper.git("worktree", "list").count("\n") == 0
    assert all(each["run"]["outputs"] == ["metrics.json"] for each in runs(sweeper))
    (made,) = [each for each in runs(sweeper) if each["metrics"]["score"] == 42]
    assert made["parameters"] == {"model.depth": 4, "seed": 2}
    shown = datmo(sweeper, "show", made["id"], "--code", "--", "config.yaml").stdout
    assert shown == "==> config.yaml <==\nmodel:\n  depth: 4  # levels\nseed: 2\n"
    again = datmo(sweeper, "reproduce", made["id"], "--trust", "--engine", "host", "--json")
    assert '"verdict": "identical"' in again.stdout
    assert list((sweeper.cwd / ".git/datmo/sweeps").iterdir()) == []


def test_more_jobs_than_any_machine_has_run_each_combination_once(repo: Shell) -> None:
    many = datmo(repo, "sweep", "--jobs", "9" * 20, "-p", "a=1,2", "--", "true", "{a}")
    assert "2 of 2 combinations recorded" in many.stderr


def test_key_that_no_committed_file_has_is_refused(sweeper: Shell) -> None:
    sweeper.write("params.json", '{"lr": 1}')
    for key in ("model.width", "lr"):
        refused(
            sweeper,
            *("sweep", "-p", f"{key}=1,2", *COMMAND),
            code=129,
            says=(f"no place for '{key}', and no configuration file has this key",),
        )
    misspelt = ("sweep", "-p", "modl.depth=1,2", *COMMAND)
    refused(sweeper, *misspelt, code=129, says=("did you mean 'model.depth'?",))
    refused(sweeper, "sweep", "--jobs", "0", *COMMAND, code=129, says=("--jobs 0",))
    refused(sweeper, "sweep", "--resume", *COMMAND, code=129, says=("--resume",))
    refused(sweeper, "sweep", "--resume", says=("no sweep waits to go on",))


WAITING = """\
import sys
if sys.argv[1] == "3":
    open(sys.argv[2] + "/ready", "w").write("ready")
    open(sys.argv[2] + "/go").read()
"""


def start(repo: Shell, folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start a sweep whose third combination waits, and return it when that one runs."""
    repo.commit("wait.py", WAITING)
    for name in ("ready", "go"):
        os.mkfifo(folder / name)
    argv = ["git-datmo", "sweep", *words, "-p", "n=1..4", "-m", "waits", "--"]
    child = subprocess.Popen(
        [*argv, "python3", "wait.py", "{n}", str(folder)],
        cwd=repo.cwd,
        env=dict(repo.env),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert (folder / "ready").read_text() == "ready"
    # From now on the combination does not wait.
    for name in ("ready", "go"):
        (folder / name).unlink()
    (folder / "ready").touch()
    (folder / "go").touch()
    return child


def test_killed_sweep_runs_only_the_missing_when_repeated(repo: Shell, tmp_path: Path) -> None:
    sweep = start(repo, tmp_path)
    os.killpg(sweep.pid, signal.SIGKILL)
    sweep.wait(60)
    before = {each["id"] for each in runs(repo)}
    assert len(before) == 2
    words = ("-p", "n=1..4", "-m", "waits", "--", "python3", "wait.py", "{n}", str(tmp_path))
    done = datmo(repo, "sweep", *words)
    assert "2 of 4 combinations recorded before" in done.stderr
    assert len(done.stdout.splitlines()) == 2
    assert sorted(each["parameters"]["n"] for each in runs(repo)) == [1, 2, 3, 4]
    assert before < {each["id"] for each in runs(repo)}
    assert repo.git("worktree", "list").count("\n") == 0, "what the killed run left is removed"
    datmo(repo, "sweep", *words)
    assert len(runs(repo)) == 8, "a sweep that ended runs all combinations again"


def test_processes_of_a_killed_parallel_sweep_record_their_runs_and_end(
    repo: Shell, tmp_path: Path
) -> None:
    repo.commit("wait.py", WAITING)
    for name in ("ready", "go"):
        os.mkfifo(tmp_path / name)
    words = ("--jobs", "2", "-p", "n=3..4", "--", "python3", "wait.py", "{n}", str(tmp_path))
    sweep = subprocess.Popen(
        ["git-datmo", "sweep", *words],
        cwd=repo.cwd,
        env=dict(repo.env),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert (tmp_path / "ready").read_text() == "ready"
    os.kill(sweep.pid, signal.SIGKILL)
    (tmp_path / "go").write_text("go")
    # All processes of the sweep hold its output open.
    sweep.communicate(timeout=60)
    assert sorted(each["parameters"]["n"] for each in runs(repo)) == [3, 4]
    again = datmo(repo, "sweep", *words)
    assert "2 of 2 combinations recorded before" in again.stderr
    assert again.stdout == ""


def test_interrupted_sweep_stops_and_is_resumed(repo: Shell, tmp_path: Path) -> None:
    sweep = start(repo, tmp_path)
    os.killpg(sweep.pid, signal.SIGINT)
    assert sweep.wait(60) == 130
    assert [each["parameters"]["n"] for each in runs(repo)] == [3, 2, 1]
    assert runs(repo)[0]["run"]["status"] == "interrupted"
    done = datmo(repo, "sweep", "--resume")
    assert "4 of 4 combinations recorded" in done.stderr
    assert [each["parameters"]["n"] for each in runs(repo)] == [4, 3, 3, 2, 1]
    assert runs(repo)[0]["message"] == "waits"
    refused(repo, "sweep", "--resume", says=("no sweep waits to go on",))


def test_sweep_of_another_commit_is_not_resumed(repo: Shell, tmp_path: Path) -> None:
    sweep = start(repo, tmp_path, "--jobs", "3")
    os.killpg(sweep.pid, signal.SIGINT)
    assert sweep.wait(60) == 130
    repo.commit("code.py", "other\n")
    refused(repo, "sweep", "--resume", says=("which is not HEAD",))
    repo.git("checkout", "-q", "HEAD~1")
    assert "4 of 4 combinations recorded" in datmo(repo, "sweep", "--resume").stderr
