"""Make a project, run it, share it, and reproduce it from a fresh clone with each engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.projects.project import FAILED, Project
from tests.support.shell import seal

LIMIT = 3600
NO_VERDICT = "no verdict"


class StepFailed(Exception):
    """A step before the reproduction ended with an error."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a reproduction by one engine: its verdict, its seconds and its output."""

    verdict: str
    seconds: float
    basis: str
    said: str


@dataclass(frozen=True, slots=True)
class Measured:
    """One project's row: the run's seconds and warnings, and what each engine's reproduction
    said."""

    project: Project
    seconds: float
    warnings: tuple[str, ...]
    outcomes: Mapping[str, Outcome]

    def is_right(self, engine: str) -> bool:
        """Return True for the right verdict; a failed rerun is right only where the run's warnings
        foretold it."""
        outcome, right = self.outcomes[engine], self.project.verdicts[engine]
        if right == FAILED:
            return outcome.verdict in (FAILED, NO_VERDICT) and self.foretold()
        return outcome.verdict == right

    def foretold(self) -> bool:
        return any(self.project.foretold in line for line in self.warnings)


@dataclass(frozen=True, slots=True)
class Workshop:
    """The folder in which one project is made; `shared` holds pip's cache, which all projects
    share."""

    folder: Path
    shared: Path

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def tools(self) -> Path:
        return self.folder / "tools"

    def environ(self, *, active: bool) -> dict[str, str]:
        """Return a sealed environment, where `active` with the project's virtual environment first
        on PATH."""
        env = seal(self.folder / "home", bare=False)
        # git-datmo is a tool beside the project's environment, as pipx installs it.
        tool, path = Path(sys.executable).parent, env["PATH"]
        env |= {"PIP_CACHE_DIR": str(self.shared / "pip"), "UV_CACHE_DIR": str(self.shared / "uv")}
        env |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_PYTHON_DOWNLOADS": "never"}
        for name in ("DOCKER_HOST", "SSL_CERT_FILE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"):
            if name in os.environ:
                env[name] = os.environ[name]
        if active:
            own = self.work / ".venv"
            folders = [str(own / "bin"), str(self.tools / "bin"), path]
            env |= {"VIRTUAL_ENV": str(own), "PATH": os.pathsep.join(folders)}
        else:
            env["PATH"] = f"{tool}{os.pathsep}{path}"
        return env

    def do(
        self, *argv: str, cwd: Path | None = None, active: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a step; raises `StepFailed` where it fails."""
        done = self.run(*argv, cwd=cwd, active=active)
        if done.returncode:
            raise StepFailed(
                f"$ {' '.join(argv)}\nexit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
            )
        return done

    def run(
        self, *argv: str, cwd: Path | None = None, active: bool = True
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv,
            cwd=cwd or self.work,
            env=self.environ(active=active),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT,
            check=False,
        )


def measure(project: Project, shop: Workshop, engines: Sequence[str]) -> Measured:
    """Make, run, push and reproduce one project. Raises `StepFailed` before the first
    reproduction."""
    _make(project, shop)
    began = time.monotonic()
    done = shop.do("git", "datmo", "run", "--", *project.command, cwd=shop.work / project.folder)
    seconds = time.monotonic() - began
    warnings = tuple(
        line for line in done.stderr.splitlines() if line.startswith(("warning:", "hint:"))
    )
    shop.do("git", "push", "-q", "origin", "main")
    return Measured(
        project, seconds, warnings, {engine: _reproduce(shop, engine) for engine in engines}
    )


def _make(project: Project, shop: Workshop) -> None:
    """Write the project, with its environment, and commit it in a repository that has a remote."""
    shop.work.mkdir(parents=True)
    project.write(shop.work)
    git = ("git", "-c", "init.defaultBranch=main")
    shop.do(*git, "init", "-q", ".", active=False)
    shop.do(*git, "init", "-q", "--bare", str(shop.folder / "remote.git"), active=False)
    shop.do("git", "remote", "add", "origin", str(shop.folder / "remote.git"), active=False)
    shop.do(sys.executable, "-m", "venv", ".venv", active=False)
    if project.tools:
        shop.do(sys.executable, "-m", "venv", str(shop.tools), active=False)
        shop.do(str(shop.tools / "bin" / "pip"), "install", "-q", *project.tools, active=False)
    if project.requirements:
        shop.do("python", "-m", "pip", "install", "-q", "-r", "requirements.txt")
    for step in project.setup:
        shop.do(*step)
    shop.do("git", "datmo", "init")
    if project.data:
        shop.do("git", "datmo", "add-data", *project.data)
    shop.do("git", "add", "-A")
    shop.do("git", "commit", "-q", "-m", "Begin")


def _reproduce(shop: Workshop, engine: str) -> Outcome:
    clone = shop.folder / f"clone-{engine}"
    shop.do(
        "git",
        "clone",
        "-q",
        str(shop.folder / "remote.git"),
        str(clone),
        cwd=shop.folder,
        active=False,
    )
    shop.do("git", "datmo", "init", cwd=clone, active=False)
    began = time.monotonic()
    words = ("reproduce", "HEAD", "--engine", engine, "--trust", "--json")
    done = shop.run("git", "datmo", *words, cwd=clone, active=False)
    seconds = time.monotonic() - began
    try:
        receipt = json.loads(done.stdout)
        verdict = str(receipt["verdict"])
    except (ValueError, KeyError, TypeError):
        return Outcome(NO_VERDICT, seconds, "", done.stdout[-2000:] + done.stderr[-6000:])
    basis = _basis(len(receipt.get("metrics", ())), len(receipt.get("outputs", ())))
    return Outcome(verdict, seconds, basis, json.dumps(receipt, indent=1) + done.stderr[-6000:])


def _basis(metrics: int, outputs: int) -> str:
    return ", ".join(
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((metrics, "metric"), (outputs, "output"))
        if count
    )
