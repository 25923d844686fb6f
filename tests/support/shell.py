"""Run commands in a sealed environment, independent of the developer's settings."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

# Folders with another git than the machine's, for what clients start and for what servers start.
CLIENT_GIT, SERVER_GIT = "DATMO_TEST_CLIENT_GIT", "DATMO_TEST_SERVER_GIT"

# Commits made at a fixed time have the same ids in every run, so a failure can be compared with the
# one before.
DATE = "2024-05-01T12:00:00+0000"

GLOBAL_CONFIG = """\
[user]
	name = A U Thor
	email = author@example.com
[init]
	defaultBranch = main
[protocol "file"]
	allow = always
[advice]
	detachedHead = false
"""


def write_bare_python(path: Path) -> None:
    """Write an interpreter without packages, which snapshots other than of runs ask for their
    environment.

    The interpreter of the tests has many packages. Its answer takes as long as all else in a
    snapshot.
    """
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -S "$@"\n')
    path.chmod(0o755)


def seal(home: Path, *, bare: bool = True) -> dict[str, str]:
    """Return an environment made of PATH, without any GIT_*, DATMO_* or PYTHON* of the caller.

    In a `bare` environment the first `python3` has no packages. A preloaded library of the tests
    (one that spares disks, say) is kept.
    """
    home.mkdir(parents=True, exist_ok=True)
    config = home / "gitconfig"
    config.write_text(GLOBAL_CONFIG)
    # The interpreter's folder unresolved: in a virtual environment it is the one that holds the
    # console scripts.
    scripts = str(Path(sys.executable).parent)
    first = home / "bin"
    if bare and not first.exists():
        first.mkdir()
        write_bare_python(first / "python3")
    preloaded = {name: os.environ[name] for name in ("LD_PRELOAD",) if name in os.environ}
    return {
        **preloaded,
        "PATH": os.pathsep.join(
            (*([str(first)] if bare else []), scripts, *_chosen(CLIENT_GIT), _path())
        ),
        "HOME": str(home),
        "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_DATE": DATE,
        "GIT_COMMITTER_DATE": DATE,
    }


def _path() -> str:
    return os.environ.get("PATH", os.defpath)


def _chosen(variable: str) -> list[str]:
    """Return the folder of the git that tests are run with, where `variable` names one."""
    return [os.environ[variable]] if os.environ.get(variable) else []


def serving(env: Mapping[str, str]) -> dict[str, str]:
    """Return a sealed environment in which a server starts the git that is chosen for servers."""
    if not _chosen(CLIENT_GIT) and not _chosen(SERVER_GIT):
        return dict(env)
    others = [
        folder for folder in env["PATH"].split(os.pathsep) if folder not in _chosen(CLIENT_GIT)
    ]
    return {**env, "PATH": os.pathsep.join((*_chosen(SERVER_GIT), *others))}


@dataclass(frozen=True, slots=True)
class Done:
    """Hold the result of a command that ended."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    def __str__(self) -> str:
        return f"$ {' '.join(self.argv)}\nexit {self.returncode}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


def expect(done: Done, cwd: Path, *, ok: bool, code: int | None) -> Done:
    """Check that a command ended with `code`, or with 0 without one and with `ok`; return its
    result."""
    expected = 0 if code is None and ok else code
    if expected is not None and done.returncode != expected:
        raise AssertionError(f"expected exit {expected} in {cwd}\n{done}")
    return done


@dataclass(frozen=True, slots=True)
class Shell:
    """Run commands in one folder with one environment."""

    cwd: Path
    env: Mapping[str, str]

    def at(self, cwd: Path | str) -> Shell:
        return replace(self, cwd=self.cwd / cwd)

    def having(self, **variables: str) -> Shell:
        return replace(self, env={**self.env, **variables})

    def run(
        self,
        *argv: str | Path,
        ok: bool = True,
        code: int | None = None,
        stdin: bytes = b"",
        timeout: float = 120,
    ) -> Done:
        """Run a command to its end. An exit code other than `code` (or 0, unless `ok` is false)
        fails the test."""
        words = tuple(map(str, argv))
        ended = subprocess.run(
            words,
            input=stdin,
            capture_output=True,
            cwd=self.cwd,
            env=self.env,
            timeout=timeout,
            check=False,
        )
        stdout, stderr = (text.decode("utf-8", "replace") for text in (ended.stdout, ended.stderr))
        return expect(Done(words, ended.returncode, stdout, stderr), self.cwd, ok=ok, code=code)

    def git(
        self, *argv: str | Path, ok: bool = True, code: int | None = None, stdin: bytes = b""
    ) -> str:
        """Return the output of git, without the line end."""
        return self.run("git", *argv, ok=ok, code=code, stdin=stdin).stdout.rstrip("\n")

    def write(self, path: str, content: str | bytes) -> Path:
        target = self.cwd / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def commit(self, path: str, content: str | bytes, message: str = "") -> str:
        """Write one file and commit it; the commit's id."""
        self.write(path, content)
        self.git("add", "--", path)
        self.git("commit", "-q", "-m", message or f"change {path}")
        return self.git("rev-parse", "HEAD")
