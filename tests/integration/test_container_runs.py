"""Test runs in a container and their reruns: write permissions, limits, and engines elsewhere."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import docker
import pytest

from git_datmo.engines.engine_connection import describe_owner
from git_datmo.runs.run_liveness import run_processes
from tests.support.commands import datmo, experiments
from tests.support.servers.ssh_host import serve_ssh
from tests.support.shell import Shell, seal
from tests.support.virtual_environments import with_packages

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

TRAIN = """\
import json, os
from pathlib import Path
try:
    Path("data/raw/x").write_text("spoilt")
except OSError as error:
    print("guarded:", error.strerror)
Path("data/made/y").write_text("written")
Path("model.pkl").write_bytes(b"m" * 1000)
Path("metrics.json").write_text(json.dumps({"length": len(Path("data/raw/x").read_text())}))
"""


def place(program: Path, line: str) -> None:
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\n{line} "$@"\n')
    program.chmod(0o755)


@contextmanager
def behind_ssh(folder: Path, engine: str) -> Iterator[tuple[str, str]]:
    """Make the engine look like one on another machine; return its address, and a folder with an
    ssh that finds it."""
    there, here = folder / "there", folder / "here"
    place(there / "docker", f"DOCKER_HOST={engine} exec {shutil.which('docker')}")
    path = os.environ["PATH"]
    with serve_ssh(folder / "sshd", {**seal(folder / "home"), "PATH": f"{there}:{path}"}) as host:
        command = shlex.split(host.environ["GIT_SSH_COMMAND"])
        line = shlex.join([str(shutil.which("ssh")), *command[1:]])
        place(here / "ssh", f"exec {line}")
        yield f"ssh://{host.user}@127.0.0.1:{host.port}", str(here)


@contextmanager
def engine_at(
    where: str, repo: Shell, folder: Path, engine: str
) -> Iterator[tuple[Shell, tuple[str, ...]]]:
    """Yield a shell that reaches the engine in the given way, and the options that select it."""
    if where == "ssh":
        with behind_ssh(folder, engine) as (address, ssh):
            yield (
                repo.having(PATH=f"{ssh}:{repo.env['PATH']}", DOCKER_HOST=engine),
                ("--on", address),
            )
    else:
        yield repo.having(DOCKER_HOST=engine), ()


def leave_container(host: str) -> str:
    """Leave a container of a git-datmo process that has ended; return its id."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    owner = f"{describe_owner(os.getpid()).partition('.')[0]}.{gone.pid}.0"
    with closing(docker.DockerClient(base_url=host)) as client:
        labels = {"git-datmo": "run", "git-datmo.owner": owner}
        return str(client.containers.create("python:3.11-slim", ["true"], labels=labels).id)


def containers(host: str) -> set[str]:
    with closing(docker.DockerClient(base_url=host)) as client:
        return {
            str(container.id) for container in client.containers.list(all=True, ignore_removed=True)
        }


@pytest.mark.parametrize("where", ["here", "ssh"])
def test_run_in_container_writes_outputs_and_reruns_with_same_limits(
    repo: Shell, engine_environ: dict[str, str], tmp_path: Path, where: str
) -> None:
    repo.write("data/raw/x", "data")
    repo.write("data/made/y", "old")
    repo.commit("train.py", TRAIN)
    datmo(repo, "add-data", "data/raw", "data/made")
    left = leave_container(engine_environ["DOCKER_HOST"])
    # Without packages, because this test is not about the content of images.
    repo = with_packages(repo, tmp_path / "env")
    with engine_at(where, repo, tmp_path / "engine", engine_environ["DOCKER_HOST"]) as (person, on):
        held = ("--memory", "512m", "--cpus", "1")
        done = datmo(
            person,
            "run",
            "--engine",
            "docker",
            *on,
            *held,
            "-o",
            "data/made",
            "--",
            "python",
            "train.py",
        )
        assert ("Read-only file system" if where == "here" else "Permission denied") in done.stdout
        assert left not in containers(engine_environ["DOCKER_HOST"]), "its process has gone"
        assert (repo.cwd / "data/raw/x").read_text() == "data"
        (made,) = experiments(repo)
        assert made["run"]["outputs"] == ["data/made", "metrics.json", "model.pkl"]
        assert (
            made["run"]["resources"].items()
            >= {"memory_limit": 512 << 20, "cpu_limit": 1.0}.items()
        )
        assert made["metrics"] == {"length": 4}
        again = datmo(
            person, "reproduce", "HEAD", "--engine", "docker", *on, "--dir", "../rerun", "--json"
        )
    receipt = json.loads(again.stdout)
    assert receipt["verdict"] == "identical"
    assert "guarded" in again.stderr
    assert Path(repo.cwd, "../rerun/data/made/y").read_text() == "written"


def test_limit_that_no_engine_enforces_is_refused(repo: Shell) -> None:
    done = datmo(repo, "run", "--memory", "1g", "--", "true", code=129)
    assert "the engine 'host' cannot hold a run to --memory" in done.stderr
    done = datmo(repo, "run", "--engine", "docker", "--memory", "much", "--", "true", code=129)
    assert "'much' is not an amount of memory" in done.stderr
    done = datmo(repo, "run", "--on", "ssh://x", "--", "true", code=129)
    assert "the engine 'host' runs on this machine alone" in done.stderr
    done = datmo(
        repo, "run", "--engine", "docker", "--on", "no-such-context", "--", "true", code=125
    )
    assert "there is no Docker context 'no-such-context'" in done.stderr


WAITING = """\
import sys
try:
    open("ready", "w").write("ready")
    open("go").read()
except KeyboardInterrupt:
    print("interrupted")
    sys.exit(3)
"""


def test_detached_run_in_container_is_listed_and_stopped(
    repo: Shell, engine_environ: dict[str, str]
) -> None:
    user = repo.having(**engine_environ)
    repo.commit("wait.py", WAITING)
    for name in ("ready", "go"):
        os.mkfifo(repo.cwd / name)
    words = ("run", "--detach", "--engine", "docker", "--", "python3", "wait.py")
    run = user.run("git-datmo", *words, timeout=600).stdout.strip()
    assert (repo.cwd / "ready").read_text() == "ready"
    (listed,) = map(json.loads, datmo(repo, "ps", "--json").stdout.splitlines())
    assert (listed["id"], listed["engine"], listed["state"]) == (run, "docker", "running")
    assert run_processes(repo.cwd / ".git/datmo/runs" / run), "a container's processes are seen"
    assert "ended: snapshot" in datmo(user, "stop").stderr
    (made,) = [each["run"] for each in experiments(repo) if each["run"]]
    assert (made["exit_code"], made["status"]) == (3, "interrupted")
    assert "interrupted" in datmo(user, "logs", run).stdout
