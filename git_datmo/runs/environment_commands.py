"""Looks at the environments of snapshots, compares, builds and freezes them, and makes a Dockerfile
to start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from git_datmo.engines.engine_contract import Engine, ImageEngine, Job, Output, Size
from git_datmo.engines.resource_limits import ResourceLimits
from git_datmo.environments.manifest import DOCKERFILE, Environment, Manifest, own_dockerfile
from git_datmo.environments.manifest_reader import read_environment as read_manifest
from git_datmo.errors import DatmoError, UsageError
from git_datmo.history.experiments import Found, History
from git_datmo.model import Oid
from git_datmo.objects.layout import root_node
from git_datmo.payloads.captured_environment import find_environment, read_environment
from git_datmo.progress import QUIET, Progress
from git_datmo.records.types import Image
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.frozen_environments import WantedImage, images_of, keep_image, prepare
from git_datmo.runs.rerun_folder import scratch_folder
from git_datmo.runs.rerun_inputs import place_code, require_objects


@dataclass(frozen=True, slots=True)
class StoredEnvironment:
    """The environment of a snapshot, and what its files say."""

    found: Found
    environment: Environment
    manifest: Manifest

    @property
    def wanted(self) -> WantedImage:
        assert self.found.snapshot.environment is not None
        return WantedImage(self.found.snapshot.environment, self.found.snapshot.code)


def stored_environment(
    ws: Workspace, name: str, *, progress: Progress = QUIET
) -> StoredEnvironment:
    """The environment of the snapshot that `name` is or leads to; fetched where it is not here."""
    found = History(ws).resolve(name)
    content = found.snapshot.environment
    if content is None:
        raise DatmoError(
            f"snapshot '{found.id}' has no environment", "its command ran without a Python to ask"
        )
    require_objects(ws, [root_node(content)], found.id, progress)
    environment = read_environment(ws, content)
    return StoredEnvironment(found, environment, read_manifest(environment.files))


def build(
    ws: Workspace,
    stored: StoredEnvironment,
    engine: Engine,
    *,
    output: Output,
    progress: Progress = QUIET,
) -> Mapping[str, str]:
    """Build a snapshot's environment, or find it built; says what the engine has."""
    engine.check()
    code = stored.found.snapshot.code
    with scratch_folder(ws, None) as folder:
        # A Dockerfile of the repository's own takes the snapshot's code as its context.
        if code is not None and stored.manifest.dockerfile == "repository":
            require_objects(ws, [root_node(code)], stored.found.id, progress)
            place_code(ws, code, folder, progress)
        prepare(ws, engine, stored.wanted, folder=folder, output=output, progress=progress)
    return engine.describe()


def frozen_images(ws: Workspace, stored: StoredEnvironment) -> tuple[tuple[Oid, Image], ...]:
    """The images by which a snapshot's environment can be had where it cannot be built, newest
    first."""
    return tuple(images_of(ws, stored.wanted, stored.manifest))


@dataclass(frozen=True, slots=True)
class Frozen:
    """A frozen image, and whether it was not frozen before; `added` are the bytes that the store
    did not have."""

    id: Oid
    image: Image
    added: int
    is_new: bool = True


def freeze(
    ws: Workspace,
    stored: StoredEnvironment,
    engine: Engine,
    *,
    output: Output,
    progress: Progress = QUIET,
) -> Frozen:
    """Build a snapshot's environment, or find it built, and store its image.

    Raises `UsageError` for an engine that builds none.
    """
    if not isinstance(engine, ImageEngine):
        raise UsageError(f"the engine '{engine.name}' builds no image", "give --engine docker")
    build(ws, stored, engine, output=output, progress=progress)
    with scratch_folder(ws, None) as scratch:
        folder = scratch / "image"
        folder.mkdir()
        saved = engine.save(folder, progress=progress)
        for oid, image in frozen_images(ws, stored):
            if image.digest == saved.digest:
                return Frozen(oid, image, 0, is_new=False)
        content, added = keep_image(ws, folder, progress)
    image = Image(
        snapshot=stored.found.id,
        commit=stored.found.commit,
        created=ws.now(),
        author=ws.person,
        platform=saved.platform,
        digest=saved.digest,
        content=content,
    )
    (oid,) = ws.ledger.attach(image)
    return Frozen(oid, image, added)


def write_dockerfile(ws: Workspace) -> tuple[Path, tuple[str, ...]]:
    """Write a Dockerfile of the environment as it is here, and say what it leaves out.

    Raises `DatmoError` where there is one.
    """
    path = ws.root / DOCKERFILE
    if path.exists() or path.is_symlink():
        raise DatmoError(
            f"'{DOCKERFILE}' exists",
            "runs are recorded with it as it is; move it away to start anew",
        )
    found = find_environment(ws, ())
    if found is None:
        raise DatmoError(
            "there is no Python whose environment a Dockerfile could build", "activate one"
        )
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
    ws: Workspace,
    stored: StoredEnvironment,
    engine: Engine,
    command: Sequence[str],
    *,
    inside: Inside,
    output: Output,
) -> int:
    """Run `command` where the person is, in a built environment, with the working tree itself; its
    exit code."""
    variables = {**dict(stored.manifest.variables), **inside.variables}
    folder = ws.repo.prefix.rstrip("/")
    limits = ResourceLimits(network=inside.network)
    job = Job(tuple(command), ws.root, folder, variables, (), limits, inside.terminal, inside.port)
    return engine.run(job, output=output).exit_code


def jupyter_command(manifest: Manifest, port: int, *, everywhere: bool) -> tuple[str, ...]:
    """What starts Jupyter on `port`; raises `DatmoError` where the environment surely has none.

    `everywhere` has it listen on all addresses, as behind a container's own network.
    """
    names = {package.name for package in manifest.packages}
    if manifest.dockerfile == "generated" and not names & {"jupyterlab", "notebook"}:
        raise DatmoError(
            "the environment has no Jupyter",
            "install jupyterlab beside the other packages, and snapshot",
        )
    kind = "notebook" if "notebook" in names and "jupyterlab" not in names else "lab"
    address = "0.0.0.0" if everywhere else "127.0.0.1"  # noqa: S104 - the engine opens it to this machine alone
    return (
        "jupyter",
        kind,
        "--no-browser",
        f"--ip={address}",
        f"--port={port}",
        "--ServerApp.port_retries=0",
    )
