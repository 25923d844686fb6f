"""Define the people of a state machine: each has a clone, in which `git datmo` runs in this process
for speed."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from git_datmo.cli.console import Console
from git_datmo.cli.main import run
from git_datmo.errors import DatmoError
from tests.support.shell import Shell


@dataclass
class Person:
    """Hold a clone, and its user's actions since the data were last stored."""

    shell: Shell
    name: str
    unsaved: dict[str, bytes] = field(default_factory=dict)
    commits: int = 0

    @property
    def data(self) -> Path:
        return self.shell.cwd / "data"

    def datmo(self, *words: str) -> tuple[int, str]:
        """Return the exit code and output of `git datmo`, or the reason of its refusal. Other
        errors fail the test."""
        out, err = io.StringIO(), io.StringIO()
        try:
            return run(
                words, Console(dict(self.shell.env), self.shell.cwd, out, err)
            ), out.getvalue()
        except DatmoError as error:
            return error.exit_code, f"{error.what}: {error.hint}"

    def must(self, *words: str) -> str:
        code, said = self.datmo(*words)
        assert code == 0, f"{words}: {said}"
        return said

    def experiments(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.must("log", "--data", "--json").splitlines()]

    def status(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.must("status", "--json"))
        return document

    def tracks_data(self) -> bool:
        return any(payload["path"] == "data" for payload in self.status()["payloads"])


def make_template(top: Path, env: dict[str, str]) -> None:
    """Make clones at the paths where tests use them, since a clone knows its remote by path; then
    move them aside."""
    live = top / "live"
    live.mkdir()
    shell = Shell(live, env)
    shell.git("init", "-q", "--bare", "hub.git")
    shell.git("clone", "-q", str(live / "hub.git"), "alex")
    alex = Person(shell.at("alex"), "alex")
    alex.shell.commit("code", "pass\n")
    alex.shell.git("push", "-q", "-u", "origin", "main")
    alex.must("init")
    shell.git("clone", "-q", f"datmo::{live / 'hub.git'}", "ben")
    live.rename(top / "template")
