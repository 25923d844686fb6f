"""Show, build and freeze the environments of snapshots, and write an initial Dockerfile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from git_datmo.engines.engine_contract import Engine, ImageEngine, Job, Output, Size
from git_datmo.engines.resource_limits import ResourceLimits
from git_datmo.environments.environment_files import Environment, own_dockerfile
from git_datmo.environments.manifest import DOCKERFILE, Manifest
from git_datmo.environments.manifest_reader import read_environment as read_manifest
from git_datmo.errors import DatmoError, UsageError
from git_datmo.history.experiments import Found, History
from git_datmo.model import Oid
from git_datmo.objects.tree_nodes import root_node
from git_datmo.payloads.captured_environment import find_environment, read_environment
from git_datmo.payloads.record_claims import claim_of, refuse_false_claims
from git_datmo.progress import QUIET, Progress
from git_datmo.records.image_record import Image
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.frozen_environments import WantedImage, images_of, keep_image, prepare
from git_datmo.runs.rerun_folder import scratch_folder
from git_datmo.runs.rerun_inputs import place_code, require_objects


@dataclass(frozen=True, slots=True)
class StoredEnvironment:
    """The environment of a snapshot with its parsed manifest."""

    found: Found
    environment: Environment
    manifest: Manifest

    @property
    def wanted(self) -> WantedImage:
        """Return the environment and code from which an engine can build the image."""
        assert self.found.snapshot.environment is not None
        return WantedImage(self.found.snapshot.environment, self.found.snapshot.code)


def stored_environment(
    ws: Workspace, name: str, *, progress: Progress = QUIET
) -> StoredEnvironment:
    """Return the environment of the snapshot that `name` resolves to; fetch it if it is missing.

    Raises `DatmoError` if the snapshot has no environment.
    """
    return load_environment(ws, History(ws).resolve(name), progress=progress)


def load_environment(
    ws: Workspace, found: Found, *, progress: Progress = QUIET
) -> StoredEnvironment:
    """Return the environment of a snapshot; fetch it if it is missing.

    Raises `DatmoError` if the snapshot has no environment.
    """
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
    """Build a snapshot's environment, unless the engine has it; return the engine's description."""
    engine.check()
    code = stored.found.snapshot.code
    with scratch_folder(ws, None) as folder:
        # For a Dockerfile from the repository, the snapshot's code is the build context.
        if code is not None and stored.manifest.dockerfile == "repository":
            require_objects(ws, [root_node(code)], stored.found.id, progress)
            refuse_false_claims(ws, [claim_of("code", code)])
            place_code(ws, code, folder, progress)
        prepare(ws, engine, stored.wanted, folder=folder, output=output, progress=progress)
    return engine.describe()


def frozen_images(ws: Workspace, stored: StoredEnvironment) -> tuple[tuple[Oid, Image], ...]:
    """Return the frozen images of a snapshot's environment, newest first."""
    return tuple(images_of(ws, stored.wanted, stored.manifest))


@dataclass(frozen=True, slots=True)
class Frozen:
    """A frozen image.

    `is_new` is False if it was frozen before. `added` is the number of bytes that the store wrote.
    """

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
    """Build a snapshot's environment, unless the engine has it, and store its image.

    Raises `UsageError` if the engine does not build images.
    """
    if not isinstance(engine, ImageEngine):
        raise UsageError(f"the engine '{engine.name}' builds no image", "give --engine docker")
    build(ws, stored, engine, output=output, progress=progress)
    with scratch_folder(ws, None) as scratch:
        folder = scratch / "image"
        folder.mkdir()
        saved = engine.save(folder, progress=progress)
        # The engine may have found the image that was frozen before. A second record adds nothing.
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
    """Write a Dockerfile for the current environment; return its path, and warnings of omissions.

    Raises `DatmoError` if the file exists or no Python is found.
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
        # The mode `x` refuses a file that another process made since the check.
        with path.open("xb") as file:
            file.write(own_dockerfile(read_manifest(found.environment.files)))
    except FileExistsError:
        raise DatmoError(f"'{DOCKERFILE}' exists", "runs are recorded with it as it is") from None
    return path, found.warnings


@dataclass(frozen=True, slots=True)
class Inside:
    """Options of a command that is not a rerun: extra variables, terminal, port and network."""

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
    """Run `command` in the working tree with a prepared environment; return its exit code.

    The command starts in the user's current folder. The caller prepares the engine.
    """
    variables = {**dict(stored.manifest.variables), **inside.variables}
    folder = ws.repo.prefix.rstrip("/")
    limits = ResourceLimits(network=inside.network)
    job = Job(tuple(command), ws.root, folder, variables, (), limits, inside.terminal, inside.port)
    return engine.run(job, output=output).exit_code


def jupyter_command(manifest: Manifest, port: int, *, everywhere: bool) -> tuple[str, ...]:
    """Return the command that starts Jupyter on `port`.

    With `everywhere`, Jupyter listens on all addresses, as a container's network needs. Raises
    `DatmoError` if a generated environment does not include Jupyter.
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
        # Without this, Jupyter takes another port if this one is in use. The engine opens only this
        # one.
        "--ServerApp.port_retries=0",
    )
