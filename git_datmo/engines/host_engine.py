"""Run a command in the user's current environment, as `git datmo run` does by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from git_datmo.engines.child_process import stream
from git_datmo.engines.engine_capabilities import HOST
from git_datmo.engines.engine_contract import Job, Outcome, Output
from git_datmo.engines.run_journal import observing_variables
from git_datmo.environments.environment_files import Environment
from git_datmo.progress import Progress


@dataclass(frozen=True, slots=True)
class HostEngine:
    """The current environment, unchanged: nothing is prepared, and nothing is isolated."""

    environ: Mapping[str, str]
    name = "host"
    capabilities = HOST

    def check(self) -> None:
        """Do nothing: the host is always available."""

    def pin(self, reference: str, *, progress: Progress) -> str:  # noqa: ARG002
        """Return `reference` unchanged, since this engine has no images."""
        return reference

    def prepare(
        self, environment: Environment, *, code: Path, output: Output, progress: Progress
    ) -> None:
        """Do nothing: the command uses the environment as it is."""

    def run(self, job: Job, *, output: Output) -> Outcome:
        """Run `job` with the user's environment variables and those of the job."""
        env = {**self.environ, **job.variables}
        if job.journal is not None:
            env |= observing_variables(env, job.journal, job.journal.name)
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
            journal=job.journal,
            on_start=job.on_start,
        )

    def describe(self) -> Mapping[str, str]:
        """Return the engine's name."""
        return {"name": self.name}

    def close(self) -> None:
        """Do nothing: no resource is open."""
