"""Define the interface of engines, which run commands: host, virtual environment, container."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from git_datmo.engines.command_locale import ISOLATED
from git_datmo.engines.engine_capabilities import Capabilities
from git_datmo.engines.resource_limits import NO_LIMITS, ResourceLimits
from git_datmo.environments.environment_files import Environment
from git_datmo.progress import Progress

if TYPE_CHECKING:
    from git_datmo.engines.image_archive import Configuration

Stream = Literal["stdout", "stderr"]
Output = Callable[[Stream, bytes], None]
"""Receives the bytes of a stream exactly, as they come."""

Size = Callable[[], tuple[int, int]]
"""Tells the rows and columns of the terminal."""

CONTAINER_ROOT = "/work"
"""The folder of a job, as its command sees it in a container."""

CONTAINER_SUPPORT = "/git-datmo"
"""The folder `Job.support`, as its command sees it in a container."""

_PYTHON = re.compile(r"python[0-9.]*\Z")


def ignore_start() -> None:
    """Do nothing when a command has started."""


@dataclass(frozen=True, slots=True)
class Job:
    """A command to run in `folder`, which contains code and data.

    `cwd` is the working directory, relative to `folder`. `variables` are the environment variables
    that the record allows. `read_only` are paths in `folder` that the run must not write, if the
    engine can enforce it.

    With `terminal`, which returns the terminal's size, the command uses the user's terminal, and
    `Output` receives nothing. The streams in `screens` are terminals for the command too, but their
    bytes go to `Output`. The command listens on `port`, which only this machine can reach (0 for
    none). Python processes write journals into the folder `journal`, if the engine is on this
    machine. The engine calls `on_start` once, when the command has started.

    `support` is a folder of git-datmo's own that the command can use, if it writes no journals. A
    `sealed` command writes nothing else, where the engine can enforce it, and is never root.
    """

    command: tuple[str, ...]
    folder: Path
    cwd: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    read_only: tuple[str, ...] = ()
    limits: ResourceLimits = NO_LIMITS
    terminal: Size | None = None
    port: int = 0
    journal: Path | None = None
    screens: tuple[Stream, ...] = ()
    on_start: Callable[[], None] = ignore_start
    support: Path | None = None
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a command. If signal n killed it, the exit code is 128+n, as in a shell.

    `resources` are the measured figures (`resource_usage.py`): `user_seconds`, `system_seconds`,
    and in bytes `peak_memory`, `bytes_read` and `bytes_written`. `interrupted` says that a signal
    asked for the end.
    """

    exit_code: int
    seconds: float
    resources: Mapping[str, float | int] = field(default_factory=dict)
    interrupted: bool = False


class Engine(Protocol):
    """An engine that runs jobs. The caller closes it (`contextlib.closing`).

    An engine never prints and never chooses another engine.
    """

    @property
    def name(self) -> str:
        """Return the name by which the user chooses the engine."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """Return the guarantees of the engine."""
        ...

    def check(self) -> None:
        """Raise `EngineMissing` if the engine does not answer."""
        ...

    def pin(self, reference: str, *, progress: Progress) -> str:
        """Return a base image with the digest that a build uses; fetch the image if it is missing.

        An engine without images returns `reference` unchanged. Raises `BuildFailed` if the image is
        not available.
        """
        ...

    def prepare(
        self, environment: Environment, *, code: Path, output: Output, progress: Progress
    ) -> None:
        """Find the environment, or build it.

        `output` receives the messages of the build as `stderr`. `code` is the build context of a
        Dockerfile from the repository. It should not contain the data, which would only slow the
        build down.
        """
        ...

    def run(self, job: Job, *, output: Output) -> Outcome:
        """Run `job` in the prepared environment; raise `DatmoError` if its command cannot start.

        The caller calls `prepare` first, unless the engine rebuilds no environment.
        """
        ...

    def describe(self) -> Mapping[str, str]:
        """Return the description for the receipt: name, version, image. Call it after `prepare`."""
        ...

    def close(self) -> None:
        """Close connections. The prepared environment is kept for later runs."""
        ...


@runtime_checkable
class ImageEngine(Engine, Protocol):
    """An engine that keeps an environment as an image, and can save and load it as files.

    `rebuild` says that the user asked for a build, even if an image exists.
    """

    rebuild: bool

    def platform(self) -> str:
        """Return the operating system and architecture of its images, as `linux/amd64`."""
        ...

    def save(self, folder: Path, *, progress: Progress) -> Configuration:
        """Write the prepared image as files into the empty `folder`."""
        ...

    def load(self, folder: Path, environment: Environment, *, progress: Progress) -> None:
        """Prepare the environment with the image in `folder`.

        Raises `Damaged` if the files are not an image, or are that of another environment.
        """
        ...


def silent(_stream: Stream, _data: bytes) -> None:
    """Discard the output of a build.

    If the build fails, the error contains the most telling line.
    """


def portable_command(command: Sequence[str]) -> tuple[str, ...]:
    """Return `command` with an interpreter or program named without its path on this machine.

    `/home/x/env/bin/python` and `.venv/bin/python` become `python`. `/usr/bin/python3.11` becomes
    `python3`, and `/home/x/env/bin/torchrun` becomes `torchrun`. All other words stay unchanged,
    scripts of the repository included.
    """
    program = PurePosixPath(command[0])
    if len(program.parts) > 1:
        if _PYTHON.match(program.name):
            return ("python3" if program.name[6:].startswith("3") else "python", *command[1:])
        if program.is_absolute() and program.parent.name in {"bin", "sbin"}:
            return (program.name, *command[1:])
    return tuple(command)


def job_variables(job: Job) -> dict[str, str]:
    """Return the variables that isolating engines give to a run.

    They are the job's own, and some that fix the locale, turn off Python's output buffer, and keep
    bytecode files out of the outputs.
    """
    return {**ISOLATED, **job.variables, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
