"""Commands of git-datmo in processes that are forked, not started: the same command, in a tenth of
the time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.shell import Done

SERVER = Path(__file__).with_name("fork_server.py")


class Forge:
    """The process that git-datmo's own processes are forked from."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._child = subprocess.Popen(
            [sys.executable, SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
            text=True,
        )

    def run(
        self, words: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: bytes = b""
    ) -> Done:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        asked = {
            "words": words,
            "cwd": str(cwd),
            "env": dict(env),
            "stdin": stdin.decode("latin-1"),
        }
        self._child.stdin.write(json.dumps(asked) + "\n")
        self._child.stdin.flush()
        said = json.loads(self._child.stdout.readline())
        return Done(tuple(words), said["code"], said["stdout"], said["stderr"])

    def close(self) -> None:
        self._child.communicate()

    def kill(self) -> None:
        self._child.kill()
        self._child.communicate()


class Forges:
    """As many forges as there are commands at the same time; they end with the process that has
    them."""

    def __init__(self) -> None:
        self._idle: list[Forge] = []

    def run(
        self, words: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: bytes = b""
    ) -> Done:
        try:
            forge = self._idle.pop()
        except IndexError:
            forge = Forge(env)
        try:
            done = forge.run(words, cwd, env, stdin)
        except BaseException:
            # A test that ran out of time: what comes out of this one is the answer to another
            # question.
            forge.kill()
            raise
        self._idle.append(forge)
        return done


def starts_as_ours(env: Mapping[str, str]) -> bool:
    """Whether a git-datmo that this environment starts is this one, and nothing changes how Python
    itself starts."""
    own = Path(sys.executable).with_name("git-datmo")
    return (
        shutil.which("git-datmo", path=env.get("PATH", "")) == str(own)
        and shutil.which("git", path=env["PATH"]) is not None
        and env.get("LC_ALL") == "C.UTF-8"
        and env.get("LD_PRELOAD") == os.environ.get("LD_PRELOAD")
        and not any(name.startswith("PYTHON") for name in env)
    )
