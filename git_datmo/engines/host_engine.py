"""Runs a command where the user is, as the user would: what `git datmo run` does by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from git_datmo.engines.child_process import stream
from git_datmo.engines.engine_capabilities import HOST
from git_datmo.engines.engine_contract import Job, Outcome, Output
from git_datmo.engines.run_journal import observing_variables
from git_datmo.environments.manifest import Environment
from git_datmo.progress import Progress


@dataclass(frozen=True, slots=True)
class HostEngine:
    """The current environment as it is: nothing is prepared, and nothing is kept from the network
    or the disk."""

    environ: Mapping[str, str]
    name = "host"
    capabilities = HOST

    def check(self) -> None:
        """The host is always there."""

    def pin(self, reference: str, *, progress: Progress) -> str:  # noqa: ARG002
        """There are no images here."""
        return reference

    def prepare(
        self, environment: Environment, *, code: Path, output: Output, progress: Progress
    ) -> None:
        """Nothing: the command finds what it found before."""

    def run(self, job: Job, *, output: Output) -> Outcome:
        env = {**self.environ, **job.variables}
        if job.journal is not None:
            env |= observing_variables(env, job.journal)
        env.setdefault(
            "PYTHONUNBUFFERED", "1"
        )  # a pipe holds output back where a terminal would not
        return stream(
            job.command,
            cwd=job.folder / job.cwd,
            env=env,
            output=output,
            terminal=job.terminal is not None,
            screens=job.screens,
        )

    def describe(self) -> Mapping[str, str]:
        return {"name": self.name}

    def close(self) -> None:
        """Nothing is open."""
