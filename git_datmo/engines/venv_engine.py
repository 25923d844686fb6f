"""Run a command in a virtual environment with the recorded packages.

It isolates less than a container. System libraries, network and files are those of the machine. The
patch version of Python may differ from the record.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from git_datmo import permissions
from git_datmo.engines.build_log import telling_line
from git_datmo.engines.child_process import stream
from git_datmo.engines.engine_capabilities import VENV
from git_datmo.engines.engine_contract import Job, Outcome, Output, job_variables
from git_datmo.engines.run_journal import observing_variables
from git_datmo.environments.environment_files import Environment
from git_datmo.environments.manifest import CONDA, LOCK, Manifest
from git_datmo.environments.manifest_reader import read_environment
from git_datmo.errors import DatmoError, EngineMissing
from git_datmo.fsio import write_file
from git_datmo.locking import locked
from git_datmo.progress import Progress

READY = "git-datmo-ready"
"""Written last, with the interpreter's version: an environment without it is incomplete."""

# Seconds to wait for an interpreter's version.
SECONDS = 60
_SAY_VERSION = "import sys; print(sys.implementation.name, '%d.%d.%d' % sys.version_info[:3])"
_STRIPPED = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONSTARTUP", "PYTHONUSERBASE")


@dataclass(slots=True)
class VenvEngine:
    """An engine with a virtual environment per environment id in `cache`.

    With `rebuild`, it builds an environment even if it exists.
    """

    cache: Path
    environ: Mapping[str, str]
    rebuild: bool = False
    _prepared: tuple[Path, Manifest] | None = field(default=None, init=False)
    name = "venv"
    capabilities = VENV

    def check(self) -> None:
        """Do nothing: this interpreter can create virtual environments.

        `prepare` finds out if a Python of the right version is available.
        """

    def pin(self, reference: str, *, progress: Progress) -> str:  # noqa: ARG002
        """Return `reference` unchanged, since this engine has no images."""
        return reference

    def prepare(
        self,
        environment: Environment,
        *,
        code: Path,  # noqa: ARG002
        output: Output,
        progress: Progress,
    ) -> None:
        """Find the environment, or build it.

        Raises `EngineMissing` if no Python of the recorded series is on PATH.
        """
        manifest = read_environment(environment.files)
        home = self.cache / environment.id[:20]
        # Two reruns with the same environment would build in the same folder.
        with locked(self.cache / f"{home.name}.lock", seconds=3600):
            if self.rebuild or not (home / READY).is_file():
                progress.begin("building the virtual environment", unit="step")
                try:
                    self._build(home, manifest, environment.files, output)
                finally:
                    progress.finish()
        self._prepared = home, manifest

    def _build(
        self, home: Path, manifest: Manifest, files: Mapping[str, bytes], output: Output
    ) -> None:
        """Build the environment in `home`.

        The file `READY` is written last and marks the environment as complete.
        """
        interpreter, version = self._interpreter(manifest)
        # A build that was killed left files without the mark.
        shutil.rmtree(home, ignore_errors=True)
        env = {name: value for name, value in self.environ.items() if name not in _STRIPPED}
        self._step(
            [interpreter, "-m", "venv", str(home)], env, output, "cannot make a virtual environment"
        )
        for name in manifest.files():
            (home / name).write_bytes(files[name])
        if manifest.installed_by_pip():
            self._install(["-r", str(home / LOCK)], home, env, output)
        if of_conda := [
            package.requirement() for package in manifest.packages if package.source == CONDA
        ]:
            self._install(of_conda, home, env, output)
        if archives := [str(home / name) for name in manifest.archives()]:
            self._install(archives, home, env, output)
        write_file(home / READY, f"{version}\n".encode())
        permissions.adjust_tree(home)

    def _install(
        self, requirements: Sequence[str], home: Path, env: Mapping[str, str], output: Output
    ) -> None:
        """Install packages with uv if it is available, since it is faster, else with pip.

        Pip runs too if uv fails, since pip may be configured with other indexes.
        """
        # The record names every package. Resolving dependencies could install other versions.
        python, what = str(home / "bin" / "python"), ["--no-deps", *requirements]
        if uv := shutil.which("uv", path=self.environ.get("PATH", os.defpath)):
            argv = [uv, "pip", "install", "--python", python, *what]
            if not stream(
                argv, cwd=self.cache, env=env, output=lambda _, data: output("stderr", data)
            ).exit_code:
                return
        argv = [python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", *what]
        self._step(argv, env, output, "cannot install the environment's packages")

    def _step(self, argv: list[str], env: Mapping[str, str], output: Output, problem: str) -> None:
        """Run a step of the build; raise `DatmoError` with the most telling line if it fails."""
        said = bytearray()

        def listen(_stream: str, data: bytes) -> None:
            said.extend(data)
            del said[:-65536]
            output("stderr", data)

        if stream(argv, cwd=self.cache, env=env, output=listen).exit_code:
            raise DatmoError(f"{problem}: {telling_line(said.decode('utf-8', 'replace'))}")

    def _interpreter(self, manifest: Manifest) -> tuple[str, str]:
        """Return an interpreter and its version.

        It has the recorded version if possible, else it is the first of the recorded series.
        Packages are built for a series, for example 3.11, so any version of the series can use
        them.
        """
        of_series: list[tuple[str, str]] = []
        for candidate in dict.fromkeys(self._candidates(manifest)):
            try:
                # `-I` keeps the user's variables and site packages out of the answer.
                argv = [candidate, "-I", "-c", _SAY_VERSION]
                env = dict(self.environ)
                said = subprocess.run(
                    argv, capture_output=True, check=False, env=env, timeout=SECONDS
                ).stdout.split()
            except (OSError, subprocess.TimeoutExpired):
                continue
            words = [word.decode("ascii", "replace") for word in said]
            if (
                len(words) == 2
                and words[0] == manifest.implementation
                and words[1].startswith(manifest.series + ".")
            ):
                of_series.append((candidate, words[1]))
                if words[1] == manifest.python:
                    return of_series[-1]
        if of_series:
            return of_series[0]
        raise EngineMissing(
            f"no {manifest.implementation} {manifest.series} on PATH, which the environment needs",
            f"install {manifest.implementation} {manifest.series}, or use the container engine",
        )

    def _candidates(self, manifest: Manifest) -> Iterator[str]:
        """Yield this interpreter, then interpreters on PATH with a matching name."""
        yield sys.executable
        family = "pypy" if manifest.implementation == "pypy" else "python"
        for name in (f"{family}{manifest.series}", f"{family}3", family):
            for folder in self.environ.get("PATH", os.defpath).split(os.pathsep):
                if found := shutil.which(name, path=folder):
                    yield found

    def run(self, job: Job, *, output: Output) -> Outcome:
        """Run `job` with an empty, temporary HOME.

        Of the user's variables, the job gets only PATH, after the environment's own programs; with
        a terminal, it also gets TERM.
        """
        home, manifest = self._ready()
        with tempfile.TemporaryDirectory(prefix="git-datmo-home-") as scratch:
            env = {
                **job_variables(job),
                "HOME": scratch,
                "PATH": os.pathsep.join([str(home / "bin"), self.environ.get("PATH", os.defpath)]),
                "VIRTUAL_ENV": str(home),
            }
            if folders := manifest.source_folders():
                env["PYTHONPATH"] = os.pathsep.join(str(job.folder / folder) for folder in folders)
            if job.journal is not None:
                env |= observing_variables(env, job.journal, job.journal.name)
            if job.screens and "TERM" in self.environ:
                env["TERM"] = self.environ["TERM"]
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
        """Return the engine's name and the interpreter's implementation and version."""
        home, manifest = self._ready()
        version = (home / READY).read_text(encoding="ascii").strip()
        return {"name": self.name, "implementation": manifest.implementation, "python": version}

    def _ready(self) -> tuple[Path, Manifest]:
        """Return the prepared folder and the manifest."""
        if self._prepared is None:
            raise ValueError("prepare comes first")
        return self._prepared

    def close(self) -> None:
        """Do nothing: no resource is open."""
