"""Run commands of git-datmo in forked processes, in a tenth of the time of new ones."""

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
    """Hold the process from which git-datmo's processes are forked."""

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
    """Hold as many fork servers as commands run at once. They end with their process."""

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
            # The test timed out: a late answer would be taken for that of the next test.
            forge.kill()
            raise
        self._idle.append(forge)
        return done


def starts_as_ours(env: Mapping[str, str]) -> bool:
    """Return whether this environment starts this git-datmo, by an unchanged Python."""
    own = Path(sys.executable).with_name("git-datmo")
    return (
        shutil.which("git-datmo", path=env.get("PATH", "")) == str(own)
        and shutil.which("git", path=env["PATH"]) is not None
        and env.get("LC_ALL") == "C.UTF-8"
        and env.get("LD_PRELOAD") == os.environ.get("LD_PRELOAD")
        and not any(name.startswith("PYTHON") for name in env)
    )
