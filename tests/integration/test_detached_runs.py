"""Test runs in progress: detach, list, follow and stop them, and kill their processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from git_datmo.process_endings import await_end
from git_datmo.runs.run_liveness import run_processes, start_time
from tests.support.commands import datmo, experiments, refused
from tests.support.schemas import require_valid
from tests.support.shell import Shell
from tests.support.terminal import on_own_terminal

LIMIT = 60
# Reports its terminal and its input, waits for the test, and writes a file when it is interrupted.
TRAIN = """\
import os, sys
print("first", flush=True)
try:
    os.close(os.open("/dev/tty", os.O_RDONLY))
    print("on a terminal")
except OSError:
    print("no terminal")
try:
    print("input", repr(sys.stdin.read()), flush=True)
    open("ready", "w").write("ready")
    print("word", open("go").read(), flush=True)
except KeyboardInterrupt:
    open("saved", "w").write("saved")
    print("interrupted", flush=True)
    sys.exit(3)
"""
STUBBORN = """\
import signal
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
open("ready", "w").write("ready")
open("go").read()
"""


@pytest.fixture
def training(repo: Shell) -> Shell:
    """Return a repository with a script, and pipes that say when it is ready and let it go on."""
    repo.commit("train.py", TRAIN)
    repo.commit("stubborn.py", STUBBORN)
    for name in ("ready", "go"):
        os.mkfifo(repo.cwd / name)
    return repo


def hear(repo: Shell) -> None:
    """Wait until the script is ready."""
    assert (repo.cwd / "ready").read_text() == "ready"


def let_go(repo: Shell, word: str = "go") -> None:
    """Let the script go on."""
    (repo.cwd / "go").write_text(word)


def detach(repo: Shell, script: str = "train.py") -> str:
    """Start a detached run and wait until its script is ready; return the run's id."""
    run = repo.run("git", "datmo", "run", "--detach", "-p", "lr=1", "--", sys.executable, script)
    hear(repo)
    return run.stdout.strip()


def list_runs(repo: Shell) -> list[dict[str, Any]]:
    """Return the runs in progress."""
    listed = [json.loads(line) for line in datmo(repo, "ps", "--json").stdout.splitlines()]
    for each in listed:
        require_valid("ps", each)
    return listed


def refs(repo: Shell) -> str:
    """Return all refs and their objects."""
    return repo.git("for-each-ref")


def kill(*pids: int) -> None:
    """Kill processes by SIGKILL, and wait for their ends."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        await_gone(pid)


def await_gone(pid: int) -> None:
    """Wait until a process has ended, unless it ended before."""
    if start_time(pid):
        await_end([pid], LIMIT)


def record(repo: Shell) -> dict[str, Any]:
    """Return the only run that is recorded."""
    (run,) = [each for each in experiments(repo) if each["run"]]
    return run


def test_detached_run_outlives_its_terminal_and_is_recorded(training: Shell) -> None:
    with on_own_terminal(training, "run", "--detach", "--", sys.executable, "train.py") as terminal:
        terminal.look(b"follows its output")
        hear(training)
    (run,) = list_runs(training)
    assert (run["state"], run["detached"]) == ("running", True)
    assert run["command"] == [sys.executable, "train.py"]
    assert run["folder"] == run["tree"] == str(training.cwd)
    assert os.getsid(run["pid"]) == run["pid"], "the run leads a session of its own"
    let_go(training)
    assert datmo(training, "logs", "-f").stdout == "first\nno terminal\ninput ''\nword go\n"
    await_gone(run["pid"])
    made = record(training)
    assert (made["run"]["exit_code"], made["run"].get("status", "")) == (0, "")
    assert list_runs(training) == []
    stored = datmo(training, "show", "--log").stdout
    assert datmo(training, "logs", run["id"]).stdout == stored
    assert datmo(training, "logs").stdout == stored
    said = (training.cwd / ".git/datmo/detached.log").read_text()
    assert made["id"][:10] in said


def test_log_is_followed_until_the_run_ends(training: Shell) -> None:
    run = detach(training)
    follower = subprocess.Popen(
        ["git-datmo", "logs", "-f", run[:6]],
        cwd=training.cwd,
        env=dict(training.env),
        stdout=subprocess.PIPE,
    )
    assert follower.stdout is not None
    assert follower.stdout.readline() == b"first\n", "what was printed before comes at once"
    let_go(training, "on")
    rest = follower.communicate(timeout=LIMIT)[0]
    assert rest.endswith(b"word on\n")
    assert follower.returncode == 0


def test_states_are_true_after_recorder_and_command_are_killed(training: Shell) -> None:
    run, before = detach(training), refs(training)
    (listed,) = list_runs(training)
    kill(listed["pid"])
    assert [each["state"] for each in list_runs(training)] == ["unwatched"]
    home = training.cwd / ".git/datmo/runs" / run
    kill(*run_processes(home))
    assert [each["state"] for each in list_runs(training)] == ["killed"]
    shown = datmo(training, "ps")
    assert run[:8] in shown.stdout
    assert f"'git datmo stop {run[:8]}'" in shown.stderr
    datmo(training, "logs", run)
    assert refs(training) == before, "readers write no refs"
    stopped = datmo(training, "stop", run[:8])
    assert "was killed: snapshot" in stopped.stderr
    assert record(training)["run"]["status"] == "killed"
    assert list_runs(training) == []


def test_run_from_before_a_reboot_is_killed(training: Shell) -> None:
    run = detach(training)
    home = training.cwd / ".git/datmo/runs" / run
    kill(list_runs(training)[0]["pid"], *run_processes(home))
    state = json.loads((home / "run.json").read_text())
    # This process stands for another one that got the same id and start time after the reboot.
    state |= {"pid": os.getpid(), "started": start_time(os.getpid())}
    (home / "run.json").write_text(json.dumps(state))
    assert list_runs(training)[0]["state"] == "running"
    (home / "run.json").write_text(json.dumps({**state, "boot": "another"}))
    assert list_runs(training)[0]["state"] == "killed"
    (home / "run.json").write_text(json.dumps({**state, "host": "another"}))
    assert list_runs(training)[0]["state"] == "elsewhere"
    refused(training, "stop", run, says=("is on the machine 'another'",))


def test_ended_run_is_resumed_by_its_id_in_the_list(training: Shell) -> None:
    run = detach(training)
    datmo(training, "stop", run)
    first = record(training)["id"]
    datmo(training, "run", "--resume", run[:8], "--", "true")
    assert experiments(training)[0]["run"]["attempt"] == first


def test_killed_command_of_a_detached_run_is_recorded(training: Shell) -> None:
    run = detach(training)
    recorder = list_runs(training)[0]["pid"]
    kill(*run_processes(training.cwd / ".git/datmo/runs" / run))
    await_gone(recorder)
    assert list_runs(training) == []
    assert record(training)["run"]["exit_code"] == 128 + signal.SIGKILL


def test_stop_interrupts_the_command_and_waits_for_the_record(training: Shell) -> None:
    run = detach(training)
    stopped = datmo(training, "stop")
    made = record(training)
    assert stopped.stderr == f"run {run[:8]} ended: snapshot {made['id'][:10]}\n"
    assert (made["run"]["exit_code"], made["run"]["status"]) == (3, "interrupted")
    assert made["run"]["outputs"] == ["saved"]
    assert "interrupted" in datmo(training, "logs", run).stdout
    refused(training, "stop", run, says=("has ended", made["id"][:10]))
    refused(training, "stop", says=("no run is in progress",))


def test_command_that_ignores_requests_is_killed_and_recorded(training: Shell) -> None:
    run = detach(training, "stubborn.py")
    stopped = datmo(training, "stop", run, "--timeout", "0")
    assert f"run {run[:8]} was killed: snapshot" in stopped.stderr
    made = record(training)["run"]
    assert (made["exit_code"], made["status"]) == (128 + signal.SIGKILL, "interrupted")


def test_stop_reaches_the_command_of_a_run_on_a_terminal(training: Shell) -> None:
    with on_own_terminal(training, "run", "--", sys.executable, "train.py") as terminal:
        terminal.look(b"on a terminal")
        terminal.type(b"\x04")
        hear(training)
        (run,) = list_runs(training)
        assert (run["state"], run["detached"]) == ("running", False)
        datmo(training, "stop", run["id"])
        terminal.look(b"interrupted")
        terminal.look()
    assert record(training)["run"]["status"] == "interrupted"


def test_stop_ends_a_command_whose_recorder_was_killed(training: Shell) -> None:
    run = detach(training)
    kill(list_runs(training)[0]["pid"])
    stopped = datmo(training, "stop", run)
    assert f"run {run[:8]} ended: snapshot" in stopped.stderr
    made = record(training)
    assert made["run"]["status"] == "killed"
    assert "saved" in made["run"]["outputs"]


def test_script_that_logs_by_itself_is_listed_and_stopped(training: Shell) -> None:
    script = 'import git_datmo as datmo\nwith datmo.run():\n    exec(open("train.py").read())\n'
    training.commit("own.py", script)
    own = subprocess.Popen(
        [sys.executable, "own.py"],
        cwd=training.cwd,
        env=dict(training.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    hear(training)
    (run,) = list_runs(training)
    assert (run["pid"], run["state"]) == (own.pid, "running")
    assert datmo(training, "logs", run["id"]).stdout == ""
    datmo(training, "stop")
    assert own.wait(LIMIT) == 3
    assert record(training)["run"]["exit_code"] == 3


def test_detached_command_that_cannot_start_is_refused_at_once(repo: Shell) -> None:
    done = repo.run("git-datmo", "run", "--detach", "--", "no-such-program", code=125)
    assert "cannot run 'no-such-program': not found" in done.stderr
    assert done.stdout == ""
    assert repo.run("git-datmo", "run", "--detach", code=129).stdout == ""
    assert list_runs(repo) == []


def test_one_of_several_runs_must_be_named_to_be_stopped(training: Shell) -> None:
    runs = [detach(training), detach(training)]
    assert {each["id"] for each in list_runs(training)} == {*runs}
    refused(training, "stop", says=("2 runs are in progress",))
    refused(training, "stop", "0123456789ab", says=("no run in progress has the id",))
    for run in runs:
        datmo(training, "stop", run)
    assert len([each for each in experiments(training) if each["run"]]) == 2


def test_runs_of_another_working_tree_are_listed_and_stopped(
    training: Shell, make_repo: Callable[..., Shell], tmp_path: Path
) -> None:
    training.git("worktree", "add", "-q", "--detach", tmp_path / "other")
    other = training.at(tmp_path / "other")
    for name in ("ready", "go"):
        os.mkfifo(other.cwd / name)
    run = detach(other)
    kill(list_runs(training)[0]["pid"])
    (listed,) = list_runs(training)
    assert (listed["tree"], listed["state"]) == (str(other.cwd), "unwatched")
    datmo(training, "stop", run)
    assert list_runs(training) == []
    assert record(training)["run"]["status"] == "killed"
