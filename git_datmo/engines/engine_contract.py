"""The contract between the flows and whatever runs a command: the host, a virtual environment, a
container engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from git_datmo.engines.command_locale import ISOLATED
from git_datmo.engines.engine_capabilities import Capabilities
from git_datmo.engines.resource_limits import NO_LIMITS, ResourceLimits
from git_datmo.environments.manifest import Environment
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

_PYTHON = re.compile(r"python[0-9.]*\Z")


@dataclass(frozen=True, slots=True)
class Job:
    """A command to run in `folder`, which holds code and data; `cwd` is relative to it, '' for its
    top.

    `variables` are the allow-listed ones of the environment; `read_only` are paths below `folder`
    that the run must not write, where the engine can hold to it. With `terminal`, which tells its
    size, the command has ours as its own, and nothing is passed on as output; `port` is one that it
    listens on, reached by this machine alone (0 for none). The command has a terminal for those of
    its streams that are `screens`; they are passed on as output all the same. Pythons write into
    the folder `journal` which files and programs they use, where the engine is of this machine.
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended; one that signal n killed has the exit code 128+n, as in a shell.

    `resources` is what it used, where the engine can tell (`usage.py`): `user_seconds`,
    `system_seconds`, and in bytes `peak_memory`, `bytes_read` and `bytes_written`. `interrupted` is
    whether somebody asked for its end.
    """

    exit_code: int
    seconds: float
    resources: Mapping[str, float | int] = field(default_factory=dict)
    interrupted: bool = False


class Engine(Protocol):
    """Runs jobs; the caller closes it (`contextlib.closing`). An engine never prints and never
    chooses another."""

    @property
    def name(self) -> str:
        """The name by which a person chooses it."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can be relied on for."""
        ...

    def check(self) -> None:
        """Raise `EngineMissing` when the engine does not answer."""
        ...

    def pin(self, reference: str, *, progress: Progress) -> str:
        """A base image by the digest that a build takes it by, fetched where it is not here; else
        as it is given.

        Raises `BuildFailed` for one that can be had nowhere.
        """
        ...

    def prepare(
        self, environment: Environment, *, code: Path, output: Output, progress: Progress
    ) -> None:
        """Find what the environment names, or build it; `output` gets the words of the build, on
        `stderr`.

        `code` is the folder that a Dockerfile of the repository's own is built from; best without
        the data.
        """
        ...

    def run(self, job: Job, *, output: Output) -> Outcome:
        """Run `job` in what was prepared. Raises `DatmoError` when its command cannot be
        started."""
        ...

    def describe(self) -> Mapping[str, str]:
        """What the receipt says of the engine: its name, its version, the image; after
        `prepare`."""
        ...

    def close(self) -> None:
        """Let go of connections; what was prepared stays for the next time."""
        ...


@runtime_checkable
class ImageEngine(Engine, Protocol):
    """An engine that keeps what it builds as an image, gives that away as files, and takes it from
    such files.

    `rebuild` is whether a person asked for a build, whatever there is.
    """

    rebuild: bool

    def platform(self) -> str:
        """What it runs images for: `linux/amd64`."""
        ...

    def save(self, folder: Path, *, progress: Progress) -> Configuration:
        """Write the image that was prepared as files into the empty `folder`."""
        ...

    def load(self, folder: Path, environment: Environment, *, progress: Progress) -> None:
        """Prepare the environment by the image in `folder`; raises `Damaged` where that is none, or
        another's."""
        ...


def silent(_stream: Stream, _data: bytes) -> None:
    """An `Output` for a build whose words matter only when it fails; the error then has the telling
    one."""


def portable_command(command: Sequence[str]) -> tuple[str, ...]:
    """`command` without the host's places: an interpreter or a program given by its path is found
    on PATH instead.

    `/home/x/env/bin/python` and `.venv/bin/python` become `python`, `/usr/bin/python3.11` becomes
    `python3`, and `/home/x/env/bin/torchrun` becomes `torchrun`. Every other word, a script of the
    repository too, stays as it is.
    """
    program = PurePosixPath(command[0])
    if len(program.parts) > 1:
        if _PYTHON.match(program.name):
            return ("python3" if program.name[6:].startswith("3") else "python", *command[1:])
        if program.is_absolute() and program.parent.name in {"bin", "sbin"}:
            return (program.name, *command[1:])
    return tuple(command)


def job_variables(job: Job) -> dict[str, str]:
    """The variables that every engine gives to a run: the job's own, and those that make output
    live and folders clean.

    The run leaves no bytecode among the outputs, and its output is not held back although no
    terminal reads it.
    """
    return {**ISOLATED, **job.variables, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
