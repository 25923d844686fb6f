"""Looks at the environments of snapshots, compares and builds them, and makes a Dockerfile to start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from git_datmo.engines.base import Engine, Job, Output, Size
from git_datmo.engines.decode import read_environment as read_manifest
from git_datmo.engines.limits import Limits
from git_datmo.engines.manifest import DOCKERFILE, Environment, Manifest, own_dockerfile
from git_datmo.errors import DatmoError, Incomplete
from git_datmo.flows.history import Found, History
from git_datmo.flows.running.environment import find_environment, read_environment
from git_datmo.flows.running.rerun import place
from git_datmo.flows.running.scratch import scratch_folder
from git_datmo.flows.sharing.obtain import obtain
from git_datmo.flows.workspace import Workspace
from git_datmo.progress import QUIET, Progress
from git_datmo.store.layout import Node, root_node


@dataclass(frozen=True, slots=True)
class Stored:
    """The environment of a snapshot, and what its files say."""

    found: Found
    environment: Environment
    manifest: Manifest


def stored_environment(ws: Workspace, name: str, *, progress: Progress = QUIET) -> Stored:
    """The environment of the snapshot that `name` is or leads to; fetched where it is not here."""
    found = History(ws).resolve(name)
    content = found.snapshot.environment
    if content is None:
        raise DatmoError(f"snapshot '{found.id}' has no environment", "its command ran without a Python to ask")
    _require(ws, found, [root_node(content)], progress)
    environment = read_environment(ws, content)
    return Stored(found, environment, read_manifest(environment.files))


def _require(ws: Workspace, found: Found, nodes: list[Node], progress: Progress) -> None:
    missing = obtain(ws, nodes, progress=progress)
    if missing:
        raise Incomplete(
            f"{len(missing.all)} objects of snapshot '{found.id}' can be had nowhere",
            "ask who made it to run 'git push'",
            missing=sorted(map(str, missing.all)),
        )


def build(
    ws: Workspace, stored: Stored, engine: Engine, *, output: Output, progress: Progress = QUIET
) -> Mapping[str, str]:
    """Build a snapshot's environment, or find it built; says what the engine has."""
    engine.check()
    code = stored.found.snapshot.code
    with scratch_folder(ws, None) as folder:
        # A Dockerfile of the repository's own takes the snapshot's code as its context.
        if code is not None and stored.manifest.dockerfile == "repository":
            _require(ws, stored.found, [root_node(code)], progress)
            place(ws, [("", root_node(code))], folder, progress)
        engine.prepare(stored.environment, code=folder, output=output, progress=progress)
    return engine.describe()


def write_dockerfile(ws: Workspace) -> tuple[Path, tuple[str, ...]]:
    """Write a Dockerfile of the environment as it is here, and say what it leaves out.

    Raises `DatmoError` where there is one.
    """
    path = ws.root / DOCKERFILE
    if path.exists() or path.is_symlink():
        raise DatmoError(f"'{DOCKERFILE}' exists", "runs are recorded with it as it is; move it away to start anew")
    found = find_environment(ws, ())
    if found is None:
        raise DatmoError("there is no Python whose environment a Dockerfile could build", "activate one")
    try:
        with path.open("xb") as file:
            file.write(own_dockerfile(read_manifest(found.environment.files)))
    except FileExistsError:
        raise DatmoError(f"'{DOCKERFILE}' exists", "runs are recorded with it as it is") from None
    return path, found.warnings


@dataclass(frozen=True, slots=True)
class Inside:
    """What a command gets that is no rerun: more variables, our terminal, a port, the network."""

    variables: Mapping[str, str]
    terminal: Size | None = None
    port: int = 0
    network: bool = False


def work_inside(
    ws: Workspace, stored: Stored, engine: Engine, command: Sequence[str], *, inside: Inside, output: Output
) -> int:
    """Run `command` where the person is, in a built environment, with the working tree itself; its exit code."""
    variables = {**dict(stored.manifest.variables), **inside.variables}
    folder = ws.repo.prefix.rstrip("/")
    limits = Limits(network=inside.network)
    job = Job(tuple(command), ws.root, folder, variables, (), limits, inside.terminal, inside.port)
    return engine.run(job, output=output).exit_code


def jupyter_command(manifest: Manifest, port: int, *, everywhere: bool) -> tuple[str, ...]:
    """What starts Jupyter on `port`; raises `DatmoError` where the environment surely has none.

    `everywhere` has it listen on all addresses, as behind a container's own network.
    """
    names = {package.name for package in manifest.packages}
    if manifest.dockerfile == "generated" and not names & {"jupyterlab", "notebook"}:
        raise DatmoError("the environment has no Jupyter", "install jupyterlab beside the other packages, and snapshot")
    kind = "notebook" if "notebook" in names and "jupyterlab" not in names else "lab"
    address = "0.0.0.0" if everywhere else "127.0.0.1"  # noqa: S104 - the engine opens it to this machine alone
    return ("jupyter", kind, "--no-browser", f"--ip={address}", f"--port={port}", "--ServerApp.port_retries=0")
