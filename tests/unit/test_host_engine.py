"""Test the host engine: live and exact output, exit codes of a shell, and names of engines."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
from pathlib import Path

import pytest

from git_datmo.engines.engine_contract import Job, Outcome, portable_command
from git_datmo.engines.engine_registry import EngineOptions, make_engine
from git_datmo.engines.host_engine import HostEngine
from git_datmo.errors import DatmoError, EngineMissing, UsageError

ALL_BYTES = bytes(range(256)) * 400


class Heard:
    """Collect an engine's output by stream."""

    def __init__(self) -> None:
        self.streams = {"stdout": b"", "stderr": b""}

    def __call__(self, stream: str, data: bytes) -> None:
        self.streams[stream] += data


def run(
    folder: Path, *command: str, cwd: str = "", **variables: str
) -> tuple[Outcome, dict[str, bytes]]:
    heard = Heard()
    engine = HostEngine(dict(os.environ))
    return engine.run(Job(command, folder, cwd, variables), output=heard), heard.streams


def python(folder: Path, code: str, **variables: str) -> tuple[Outcome, dict[str, bytes]]:
    return run(folder, sys.executable, "-c", textwrap.dedent(code), **variables)


def test_output_and_errors_are_exact_and_separate(tmp_path: Path) -> None:
    outcome, streams = python(
        tmp_path,
        """
        import sys
        everything = bytes(range(256)) * 400
        for at in range(0, len(everything), 1000):
            sys.stdout.buffer.write(everything[at:at + 1000])
            sys.stderr.buffer.write(everything[at:at + 1000][::-1])
        """,
    )
    assert outcome.exit_code == 0
    assert outcome.seconds > 0
    assert streams["stdout"] == ALL_BYTES
    assert streams["stderr"] == b"".join(
        ALL_BYTES[at : at + 1000][::-1] for at in range(0, len(ALL_BYTES), 1000)
    )


def test_command_that_fails_or_is_killed_has_its_exit_code(tmp_path: Path) -> None:
    assert run(tmp_path, "sh", "-c", "exit 7")[0].exit_code == 7
    assert run(tmp_path, "sh", "-c", "kill -KILL $$")[0].exit_code == 128 + signal.SIGKILL


def test_resources_used_by_command_are_measured(tmp_path: Path) -> None:
    burn = """
        import os
        x = bytearray(64 << 20)
        x[::4096] = b'1' * len(x[::4096])
        sum(i * i for i in range(10**6))
        with open('written', 'wb') as file:
            file.write(x[:4 << 20])
            os.fsync(file.fileno())
    """
    outcome, _ = python(tmp_path, burn)
    assert outcome.resources["peak_memory"] > 64 << 20
    assert outcome.resources["user_seconds"] > 0
    names = {"user_seconds", "system_seconds", "peak_memory"}
    if sys.platform == "linux":
        names |= {"bytes_read", "bytes_written"}
        in_memory = os.statvfs(tmp_path).f_files and not os.stat(tmp_path).st_dev >> 8
        assert in_memory or outcome.resources["bytes_written"] >= 4 << 20
    assert outcome.resources.keys() == names


def test_command_runs_in_its_folder_with_its_variables(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    _, streams = run(tmp_path, "sh", "-c", 'pwd; echo "$SEED"', cwd="a b", SEED="4")
    assert streams["stdout"].decode() == f"{tmp_path / 'a b'}\n4\n"


def test_output_comes_while_the_command_runs(tmp_path: Path) -> None:
    """Let the command wait for a file that the arrival of its first line makes."""
    go = tmp_path / "go"
    os.mkfifo(go)
    heard = bytearray()

    def answer(_stream: str, data: bytes) -> None:
        heard.extend(data)
        if heard == b"first\n":
            go.write_text("on\n")

    code = "print('first'); print(open('go').read(), end='')"
    job = Job((sys.executable, "-c", code), tmp_path)
    assert HostEngine(dict(os.environ)).run(job, output=answer).exit_code == 0
    assert heard == b"first\non\n"


def test_background_process_is_not_waited_for(tmp_path: Path) -> None:
    outcome, streams = run(tmp_path, "sh", "-c", "sleep 1000 & echo $!")
    os.kill(int(streams["stdout"]), signal.SIGKILL)
    assert outcome.exit_code == 0


def test_interrupt_is_the_commands_to_answer(tmp_path: Path) -> None:
    """Pass on an interrupt where no terminal sends it to both."""
    outcome, streams = python(
        tmp_path,
        """
        import os, signal, time
        try:
            os.kill(os.getppid(), signal.SIGINT)
            time.sleep(30)
        except KeyboardInterrupt:
            print("saved")
            raise SystemExit(5)
        """,
    )
    assert (outcome.exit_code, streams["stdout"]) == (5, b"saved\n")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_termination_signal_is_passed_on(tmp_path: Path) -> None:
    outcome, _ = python(
        tmp_path,
        """
        import os, signal
        os.kill(os.getppid(), signal.SIGTERM)
        signal.pause()
        """,
    )
    assert outcome.exit_code == 128 + signal.SIGTERM


def test_failing_listener_ends_the_command(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def fail(_stream: str, data: bytes) -> None:
        seen.append(data)
        raise BrokenPipeError

    job = Job(("sh", "-c", "echo $$; exec sleep 1000"), tmp_path)
    with pytest.raises(BrokenPipeError):
        HostEngine(dict(os.environ)).run(job, output=fail)
    with pytest.raises(ProcessLookupError):
        os.kill(int(seen[0]), 0)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("no-such-program",), "cannot run 'no-such-program': not found"),
        (("./plain",), "cannot run './plain': not executable"),
        (("./empty",), "cannot run './empty': Exec format error"),
    ],
)
def test_program_that_cannot_start_is_reported_in_one_line(
    tmp_path: Path, command: tuple[str, ...], why: str
) -> None:
    (tmp_path / "plain").write_text("x")
    (tmp_path / "empty").write_text("x")
    (tmp_path / "empty").chmod(0o755)
    with pytest.raises(DatmoError) as caught:
        run(tmp_path, *command)
    assert caught.value.what == why


def test_missing_folder_of_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatmoError, match="there is no folder"):
        run(tmp_path, "true", cwd="gone")


def test_portable_command_has_no_host_paths() -> None:
    for given, portable in {
        "/home/x/env/bin/python": "python",
        "/usr/bin/python3.11": "python3",
        ".venv/bin/python3": "python3",
        "/home/x/env/bin/torchrun": "torchrun",
        "/bin/sh": "sh",
        "python3.11": "python3.11",
        "./train.py": "./train.py",
        "bin/train": "bin/train",
        "/data/train": "/data/train",
    }.items():
        assert portable_command((given, "/usr/bin/python", "-x")) == (
            portable,
            "/usr/bin/python",
            "-x",
        )


def test_engine_is_made_by_its_name(tmp_path: Path) -> None:
    for name in ("docker", "venv", "host"):
        assert make_engine(name, EngineOptions(tmp_path, {})).name == name
    with pytest.raises(UsageError, match="'moby'"):
        make_engine("moby", EngineOptions(tmp_path, {}))


def test_engine_without_answer_names_the_alternative(tmp_path: Path) -> None:
    engine = make_engine(
        "docker", EngineOptions(tmp_path, {"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})
    )
    with pytest.raises(EngineMissing) as caught:
        engine.check()
    assert "none.sock" in caught.value.what
    assert "--engine venv" in caught.value.hint
