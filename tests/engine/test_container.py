"""Test the container engine against a real one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import docker
import pytest

from git_datmo.engines.container_engine import ContainerEngine
from git_datmo.engines.container_settings import WORK
from git_datmo.engines.engine_connection import describe_owner
from git_datmo.engines.engine_contract import Job
from git_datmo.engines.resource_limits import ResourceLimits
from git_datmo.environments.environment_files import Environment
from git_datmo.errors import DatmoError
from git_datmo.progress import QUIET
from tests.support.containers import python
from tests.support.engine_output import Heard
from tests.support.servers.relay import relayed

# One worker, because a test counts the images and containers of the engine.
pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def bare(
    engine: ContainerEngine, make_env: Callable[..., Environment], tmp_path: Path, heard: Heard
) -> ContainerEngine:
    """Return an engine with an environment of no packages."""
    engine.prepare(make_env(), code=tmp_path, output=heard, progress=QUIET)
    heard.streams.update(stdout=b"", stderr=b"")
    return engine


def ours(client: docker.DockerClient) -> list[str]:
    found = client.containers.list(
        all=True, filters={"label": "git-datmo=run"}, ignore_removed=True
    )
    me = describe_owner(os.getpid())
    return [str(container.id) for container in found if container.labels["git-datmo.owner"] == me]


def test_resources_used_by_container_are_reported(
    bare: ContainerEngine, work: Path, heard: Heard
) -> None:
    outcome = python(
        bare,
        heard,
        work,
        """
        import time
        held = bytearray(b"x" * (64 << 20))
        while time.process_time() < 4:
            pass
        """,
    )
    used = outcome.resources
    assert used.keys() == {
        "user_seconds",
        "system_seconds",
        "peak_memory",
        "bytes_read",
        "bytes_written",
    }
    assert 0.3 < used["user_seconds"] + used["system_seconds"] < 30
    assert 64 << 20 < used["peak_memory"] < 1 << 30


def test_output_of_container_is_passed_on_exactly(
    bare: ContainerEngine, work: Path, heard: Heard
) -> None:
    outcome = python(
        bare,
        heard,
        work,
        """
        import sys
        sys.stdout.buffer.write(bytes(range(256)) * 4000)
        sys.stderr.buffer.write(bytes(range(256))[::-1] * 100 + b"no line end")
        raise SystemExit(3)
        """,
    )
    assert outcome.exit_code == 3
    assert heard.streams["stdout"] == bytes(range(256)) * 4000
    assert heard.streams["stderr"] == bytes(range(256))[::-1] * 100 + b"no line end"


def test_silent_or_killed_command_in_container_has_its_exit_code(
    bare: ContainerEngine, work: Path, heard: Heard
) -> None:
    assert python(bare, heard, work, "").exit_code == 0
    killed = bare.run(Job(("sh", "-c", "sh -c 'kill -KILL $$'"), work), output=heard)
    assert killed.exit_code == 128 + signal.SIGKILL


def test_output_comes_while_the_command_runs(bare: ContainerEngine, work: Path) -> None:
    os.mkfifo(work / "go")
    heard = bytearray()

    def answer(_stream: str, data: bytes) -> None:
        heard.extend(data)
        if heard == b"first\n":
            (work / "go").write_text("on\n")

    code = "print('first'); print(open('go').read(), end='')"
    assert bare.run(Job(("python", "-c", code), work), output=answer).exit_code == 0
    assert heard == b"first\non\n"


def test_run_in_container_sees_folder_and_variables(
    bare: ContainerEngine, work: Path, heard: Heard
) -> None:
    (work / "deep er").mkdir()
    code = """
        import getpass, os, pathlib
        print(os.getcwd(), os.environ["SEED"], os.listdir("/sys/class/net"))
        getpass.getuser()
        pathlib.Path.home().joinpath("cache").write_text("x")
        import json
        open("result", "w").write("made")
        """
    variables = {"SEED": "7"}
    assert python(bare, heard, work, code, cwd="deep er", variables=variables).exit_code == 0, (
        heard.streams
    )
    assert heard.streams["stdout"] == f"{WORK}/deep er 7 ['lo']\n".encode()
    assert sorted(os.listdir(work / "deep er")) == ["result"]


def test_network_of_container_is_off_by_default(
    bare: ContainerEngine, work: Path, heard: Heard
) -> None:
    code = "import os; print(len(os.listdir('/sys/class/net')))"
    python(bare, heard, work, code, limits=ResourceLimits(network=True))
    assert int(heard.streams["stdout"]) > 1


def test_paths_that_must_not_be_written(bare: ContainerEngine, work: Path, heard: Heard) -> None:
    (work / "data").mkdir()
    outcome = python(bare, heard, work, "open('data/x', 'w')", read_only=("data",))
    assert outcome.exit_code == 1
    assert b"Read-only file system" in heard.streams["stderr"]
    (work / "out").symlink_to("/etc")
    with pytest.raises(DatmoError, match="leads out"):
        python(bare, heard, work, "", read_only=("out",))


def test_missing_program_in_container_is_reported_in_one_line(
    bare: ContainerEngine, client: docker.DockerClient, work: Path, heard: Heard
) -> None:
    with pytest.raises(DatmoError, match="cannot run 'no-such-program' in the container") as caught:
        bare.run(Job(("no-such-program",), work), output=heard)
    assert "\n" not in caught.value.what
    assert "not found" in caught.value.what
    assert "name its Debian package in apt.txt" in caught.value.hint
    with pytest.raises(DatmoError, match="no such folder"):
        bare.run(Job(("python",), work / "gone"), output=heard)
    assert not (work / "gone").exists()
    assert ours(client) == []


def test_failing_listener_leaves_no_container(
    bare: ContainerEngine, client: docker.DockerClient, work: Path
) -> None:
    def fail(_stream: str, _data: bytes) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        bare.run(Job(("sh", "-c", "echo x; sleep 1000"), work), output=fail)
    assert ours(client) == []


DRIVER = """
import os, sys
from pathlib import Path
from git_datmo.engines.engine_contract import Job
from git_datmo.engines.container_engine import ContainerEngine
from git_datmo.environments.probed_environment import make_environment
from git_datmo.environments.interpreter_probe import Probe
from git_datmo.progress import QUIET

def say(stream, data):
    if stream == "stdout":
        os.write(1, data)

user = int(sys.argv[1])
if user:
    os.setresgid(user, 0, 0)
    os.setresuid(user, 0, 0)
engine = ContainerEngine(dict(os.environ))
engine.prepare(make_environment(Probe("cpython", "3.11.7"), repository=Path("/repository")),
    code=Path("/"), output=say, progress=QUIET)
outcome = engine.run(Job(tuple(sys.argv[3:]), Path(sys.argv[2])), output=say)
if outcome.interrupted:
    os.write(1, b"%d interrupted\\n" % outcome.exit_code)
"""


def drive(host: str, user: int, folder: Path, *command: str) -> subprocess.Popen[bytes]:
    env = {**os.environ, "DOCKER_HOST": host, "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-c", DRIVER, str(user), str(folder), *command]
    return subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def owned_by(client: docker.DockerClient, pid: int) -> list[str]:
    mine = {"label": f"git-datmo.owner={describe_owner(pid)}"}
    return [
        str(container.id)
        for container in client.containers.list(all=True, filters=mine, ignore_removed=True)
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_container_command_is_ended_and_removed(
    engine_host: str, client: docker.DockerClient, work: Path, number: signal.Signals
) -> None:
    command = f"trap 'echo heard; exit 5' {number.name[3:]}; echo started; sleep 1000 & wait"
    with drive(engine_host, 0, work, "sh", "-c", command) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"started\n"
        assert len(owned_by(client, child.pid)) == 1
        child.send_signal(number)
        out, said = child.communicate()
    assert out == b"heard\n5 interrupted\n", said
    assert owned_by(client, child.pid) == []


def test_container_of_killed_process_is_removed_by_the_next(
    engine: ContainerEngine, engine_host: str, client: docker.DockerClient, work: Path
) -> None:
    with drive(engine_host, 0, work, "sh", "-c", "echo started; sleep 1000") as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"started\n"
        (left,) = owned_by(client, child.pid)
        engine.check()
        assert client.containers.get(left).status == "running", "its process is alive"
        child.kill()
    engine.check()
    assert left not in {
        str(container.id) for container in client.containers.list(all=True, ignore_removed=True)
    }


@pytest.mark.skipif(os.getuid() != 0, reason="takes another user's place, which only root can")
def test_files_belong_to_who_runs(engine_host: str, work: Path) -> None:
    os.chown(work, 4321, 4321)
    with drive(engine_host, 4321, work, "sh", "-c", "echo x >made; id -u") as child:
        out, said = child.communicate()
    assert out == b"4321\n", said
    info = (work / "made").stat()
    assert (info.st_uid, info.st_gid) == (4321, 4321)


def test_ended_containers_of_ours_are_cleared_away(
    engine: ContainerEngine, client: docker.DockerClient, work: Path
) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()

    me = describe_owner(os.getpid())
    machine = me.partition(".")[0]

    def leave(owner: str, label: str) -> str:
        labels = {label: "run", "git-datmo.owner": owner}
        left = client.containers.create("python:3.11-slim", ["true"], labels=labels)
        left.start()
        left.wait()
        return str(left.id)

    ended = f"{machine}.{gone.pid}.1"
    orphan, reused = leave(ended, "git-datmo"), leave(f"{machine}.{os.getpid()}.1", "git-datmo")
    kept = {
        leave(me, "git-datmo"),
        leave(ended, "other"),
        leave(f"elsewhere.{gone.pid}.1", "git-datmo"),
    }
    try:
        engine.check()
        there = {str(c.id) for c in client.containers.list(all=True, ignore_removed=True)}
        assert not {orphan, reused} & there
        assert kept <= there
    finally:
        for left in kept:
            client.containers.get(left).remove(force=True)


def test_limits_are_the_engines_to_hold(bare: ContainerEngine, work: Path, heard: Heard) -> None:
    code = """
        import os
        try:
            group = open("/sys/fs/cgroup/memory.max").read(), open("/sys/fs/cgroup/cpu.max").read().split()
        except FileNotFoundError:
            low = "/sys/fs/cgroup/cpu/cpu.cfs_"
            cpu = [open(low + "quota_us").read(), open(low + "period_us").read()]
            group = open("/sys/fs/cgroup/memory/memory.limit_in_bytes").read(), cpu
        print(int(group[0]), int(group[1][0]) / int(group[1][1]), os.path.exists("/dev/fuse"))
        """
    limits = ResourceLimits(memory=200 << 20, cpus=0.5, devices=("/dev/fuse",))
    assert python(bare, heard, work, code, limits=limits).exit_code == 0, heard.streams
    assert heard.streams["stdout"].split() == [b"209715200", b"0.5", b"True"]
    with pytest.raises(DatmoError, match="gpu"):
        python(bare, heard, work, "", limits=ResourceLimits(gpus="all"))


def test_remote_engine_receives_files_and_returns_outputs(
    engine_host: str, make_env: Callable[..., Environment], work: Path, heard: Heard
) -> None:
    for name, text in {
        "code/a.py": "a",
        "data/x": "x",
        "old": "old",
        "kept": "kept",
        ".git/config": "mine",
    }.items():
        (work / name).parent.mkdir(exist_ok=True)
        (work / name).write_text(text)
    (work / "data/gone").symlink_to("x")
    os.link(work / "kept", work / "second")
    os.mkfifo(work / "pipe")
    before = (work / "kept").stat()
    code = """
        import os, pathlib
        assert not os.path.exists(".git") and not os.path.exists("pipe")
        print(open("data/x").read(), os.readlink("data/gone"), open("second").read())
        for path in ("data/new", "data/x"):
            try:
                open(path, "w")
            except OSError as error:
                print(error.strerror)
        os.remove("old")
        pathlib.Path("code/a.py").write_text("b")
        os.makedirs("out/deep")
        pathlib.Path("out/deep/result").write_bytes(bytes(1_000_000))
        os.symlink("/etc/passwd", "out/link")
        os.chmod("out/deep/result", 0o755)
        """
    with (
        relayed(engine_host.removeprefix("unix://")) as host,
        closing(ContainerEngine({"DOCKER_HOST": host})) as engine,
    ):
        engine.check()
        engine.prepare(make_env(), code=work, output=heard, progress=QUIET)
        outcome = python(engine, heard, work, code, read_only=("data",))
    assert outcome.exit_code == 0, heard.streams
    assert heard.streams["stdout"].decode() == "x x kept\nPermission denied\nPermission denied\n"
    assert (work / "code/a.py").read_text() == "b"
    assert (work / "out/deep/result").read_bytes() == bytes(1_000_000)
    assert (work / "out/deep/result").stat().st_mode & 0o777 == 0o755
    assert os.readlink(work / "out/link") == "/etc/passwd"
    assert not (work / "old").exists()
    after = (work / "kept").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns), (
        "what was not written is untouched"
    )
    assert (work / "data/gone").is_symlink()
    assert (work / ".git/config").read_text() == "mine"
