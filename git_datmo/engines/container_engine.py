"""Run a command in a container, with Docker or through Podman's socket.

The command sees the job's folder at `/work`. It has no network unless the job allows it. An engine
on this machine mounts the folder. An engine elsewhere receives a copy, and the changes are copied
back.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import docker
from docker.errors import APIError, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.types import Mount

from git_datmo.engines.build_context import (
    ENVIRONMENT_LABEL,
    OWN_DOCKERFILE,
    follow_build,
    generated_context,
    proxies,
    repository_context,
    with_digest,
)
from git_datmo.engines.container_process import follow, show_output, talk
from git_datmo.engines.container_settings import (
    WORK,
    bind_mounts,
    limit_settings,
    require_gpus,
    sealed_settings,
)
from git_datmo.engines.container_terminal import can_show
from git_datmo.engines.engine_capabilities import CONTAINER
from git_datmo.engines.engine_connection import EngineConnection, connect, describe_owner, is_gone
from git_datmo.engines.engine_contract import (
    CONTAINER_SUPPORT,
    Job,
    Outcome,
    Output,
    job_variables,
)
from git_datmo.engines.engine_refusals import explained, reason_of
from git_datmo.engines.folder_transfer import FolderTransfer
from git_datmo.engines.frozen_image import load_image, save_image
from git_datmo.engines.image_archive import Configuration
from git_datmo.engines.private_build import find_settings, install, split_dockerfile
from git_datmo.engines.run_journal import observing_variables
from git_datmo.environments.environment_files import Environment
from git_datmo.environments.image_layers import build_files
from git_datmo.environments.manifest import DOCKERFILE, Manifest
from git_datmo.environments.manifest_reader import read_environment
from git_datmo.errors import BuildFailed, DatmoError
from git_datmo.progress import Progress

REPOSITORY = "git-datmo/env"
FROZEN = "git-datmo/frozen"
RUN_LABEL = "git-datmo"
OWNER_LABEL = "git-datmo.owner"
JOURNAL = PurePosixPath(CONTAINER_SUPPORT)
CONFLICT = 409
SCRATCH = "/tmp"  # noqa: S108 - the container's own


@dataclass(slots=True)
class ContainerEngine:
    """A container engine: Docker, or Podman through its socket.

    `DOCKER_HOST` chooses it, else the current Docker context, else the first usual socket. With
    `rebuild`, it builds an environment's image even if the image exists.
    """

    environ: Mapping[str, str]
    rebuild: bool = False
    _connection: EngineConnection | None = field(default=None, init=False)
    _prepared: tuple[str, Manifest] | None = field(default=None, init=False)
    name = "docker"
    capabilities = CONTAINER

    def check(self) -> None:
        """Connect to the engine, and remove containers of dead git-datmo processes."""
        with explained():
            self._remove_leftovers()

    def _connected(self) -> docker.DockerClient:
        """Return the client; connect at the first call."""
        if self._connection is None:
            self._connection = connect(self.environ)
        return self._connection.client

    def _is_here(self) -> bool:
        """Return True if the engine runs on this machine and can mount its folders."""
        self._connected()
        return self._connection is not None and self._connection.here

    def _remove_leftovers(self) -> None:
        """Remove git-datmo's containers if their owner process is gone."""
        ours: dict[str, str | list[str] | bool] = {"label": f"{RUN_LABEL}=run"}
        for left in self._connected().containers.list(all=True, filters=ours, ignore_removed=True):
            if is_gone(left.labels.get(OWNER_LABEL, "")):
                with contextlib.suppress(APIError):
                    left.remove(v=True, force=True)

    def pin(self, reference: str, *, progress: Progress) -> str:
        """Return a base image with its digest, fetched if it is missing.

        An image that was built on this machine may have no digest.
        """
        with explained():
            images = self._connected().images
            try:
                found = images.get(reference)
            except ImageNotFound:
                progress.begin(f"fetching the base image '{reference}'", unit="image")
                try:
                    found = images.pull(reference)
                except APIError as e:
                    raise BuildFailed(
                        f"cannot get the base image '{reference}': {reason_of(e)}"
                    ) from e
                finally:
                    progress.finish()
            return with_digest(reference, found.attrs.get("RepoDigests") or ())

    def prepare(
        self, environment: Environment, *, code: Path, output: Output, progress: Progress
    ) -> None:
        """Find the environment's image by the environment's id, or build it.

        An image with a Dockerfile from the repository is built each time, since it may copy from
        `code`. The engine's build cache keeps that short if nothing changed.
        """
        manifest = read_environment(environment.files)
        tag = _tag(REPOSITORY, environment)
        with explained():
            fresh = self.rebuild or manifest.dockerfile == "repository"
            found = None if fresh else self._find(tag, environment.id)
            if found is None:
                found = self._build(tag, environment, manifest, code, output, progress)
        self._prepared = found, manifest

    def _find(self, tag: str, identity: str) -> str | None:
        """Return the id of the image `tag`; None if it is missing or of another environment."""
        try:
            image = self._connected().images.get(tag)
        except ImageNotFound:
            return None
        return image.id if image.labels.get(ENVIRONMENT_LABEL) == identity else None

    def _build(
        self,
        tag: str,
        environment: Environment,
        manifest: Manifest,
        code: Path,
        output: Output,
        progress: Progress,
    ) -> str:
        """Build the environment's image and return its id; raise `BuildFailed` if that fails."""
        own = manifest.dockerfile == "repository"
        files = environment.files
        settings = None if own or manifest.is_foreign else find_settings(self.environ)
        generated = {} if own else build_files(environment, manifest)
        commands: tuple[str, ...] = ()
        if settings is not None:
            rest, commands = split_dockerfile(generated[DOCKERFILE])
            generated = {**generated, DOCKERFILE: rest}
        label = f"{ENVIRONMENT_LABEL}={environment.id}"
        with (
            repository_context(code, files[DOCKERFILE])
            if own
            else generated_context(generated) as context
        ):
            try:
                events = self._connected().api.build(
                    fileobj=context,
                    custom_context=True,
                    dockerfile=OWN_DOCKERFILE if own else DOCKERFILE,
                    tag=tag,
                    labels={} if commands else {ENVIRONMENT_LABEL: environment.id},
                    buildargs=proxies(self.environ),
                    nocache=self.rebuild,
                    rm=True,
                    forcerm=True,
                    decode=True,
                )
                follow_build(events, output, progress)
                if settings is not None and commands:
                    install(self._connected(), tag, commands, settings, output, label)
            except APIError as e:
                raise BuildFailed(f"cannot build the environment's image: {reason_of(e)}") from e
        built = self._find(tag, environment.id)
        if built is None:
            raise BuildFailed(
                f"cannot build the environment's image: the engine did not keep '{tag}'"
            )
        return built

    def platform(self) -> str:
        """Return the engine's operating system and architecture, as `linux/amd64`."""
        with explained():
            version = self._connected().version()
        return f"{version.get('Os', '')}/{version.get('Arch', '')}"

    def save(self, folder: Path, *, progress: Progress) -> Configuration:
        """Write the prepared image as files into the empty `folder`."""
        with explained():
            return save_image(self._connected(), self._ready()[0], folder, progress)

    def load(self, folder: Path, environment: Environment, *, progress: Progress) -> None:
        """Load the environment's image from the files in `folder`, and prepare it."""
        manifest, names = (
            read_environment(environment.files),
            (_tag(FROZEN, environment), _tag(REPOSITORY, environment)),
        )
        with explained():
            image = load_image(
                self._connected(), folder, {ENVIRONMENT_LABEL: environment.id}, names, progress
            )
        self._prepared = image, manifest

    def run(self, job: Job, *, output: Output) -> Outcome:
        """Run `job` in a new container, and remove the container in any case.

        The image's entry point is not used, so the recorded command runs unchanged. ^C and requests
        to end are passed on; the command then has some seconds to end.
        """
        image, manifest = self._ready()
        if (job.terminal or job.port) and not self._is_here():
            raise DatmoError(
                "a remote engine cannot use this terminal and this folder",
                "use an engine on this machine",
            )
        with (
            explained(),
            _created(self._connected(), self._settings(image, manifest, job)) as container,
        ):
            require_gpus(container, job.limits)
            luggage = (
                None if self._is_here() else FolderTransfer(job.folder, self._user(), job.read_only)
            )
            if luggage is not None:
                container.put_archive(str(WORK), luggage.pack())
            if job.terminal:
                outcome = talk(container, job, job.terminal)
            elif self._shows(job):
                outcome = show_output(container, job, output)
            else:
                outcome = follow(container, job, output)
            if luggage is not None:
                luggage.unpack(container.get_archive(str(WORK))[0])
            return outcome

    def _shows(self, job: Job) -> bool:
        """Return True if the command gets a terminal whose output goes to `Output`.

        A container has one terminal for all streams, so the user's must be on all of them.
        """
        return {"stdout", "stderr"} <= {*job.screens} and self._is_here() and can_show()

    def _settings(self, image: str, manifest: Manifest, job: Job) -> dict[str, Any]:
        """Return the arguments for the creation of the job's container."""
        info = self._connected().info()
        variables = {
            **job_variables(job),
            "HOME": SCRATCH,
            "USER": "datmo",
        }  # a uid without a name has neither
        shows = self._shows(job)
        if shows and "TERM" in self.environ:
            variables["TERM"] = self.environ["TERM"]
        if folders := manifest.source_folders():
            variables["PYTHONPATH"] = ":".join(str(WORK / folder) for folder in folders)
        mounts = bind_mounts(job)
        if job.journal is not None and self._is_here():
            variables |= observing_variables(variables, JOURNAL, job.journal.name)
            mounts.append(Mount(str(JOURNAL), str(job.journal.resolve()), type="bind"))
        if job.support is not None and self._is_here():
            mounts.append(Mount(CONTAINER_SUPPORT, str(job.support.resolve()), type="bind"))
        return {
            "image": image,
            "entrypoint": [job.command[0]],
            "command": list(job.command[1:]),
            "working_dir": str(WORK / job.cwd),
            "environment": variables,
            "user": "{}:{}".format(*self._user()),
            "mounts": mounts if self._is_here() else [Mount(str(WORK), None, type="volume")],
            "labels": {RUN_LABEL: "run", OWNER_LABEL: describe_owner(os.getpid())},
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges", "label=disable"],  # SELinux would hide the folder
            "shm_size": max(
                1 << 26, int(info.get("MemTotal") or 0) // 2
            ),  # as on a host: data loaders share by it
            **limit_settings(job.limits),
            **(sealed_settings(self._user()) if job.sealed else {}),
            # A worker ends with its server, so nothing is left of a server that was killed.
            "auto_remove": job.sealed,
            **({"tty": True, "stdin_open": True} if job.terminal or shows else {}),
            **({"ports": {f"{job.port}/tcp": ("127.0.0.1", job.port)}} if job.port else {}),
        }

    def _user(self) -> tuple[int, int]:
        """Return the uid and gid that map to the current user.

        In a rootless engine, uid 0 in a container is the user who runs the engine.
        """
        options = self._connected().info().get("SecurityOptions") or ()
        return (
            (0, 0)
            if any("rootless" in option for option in options)
            else (os.getuid(), os.getgid())
        )

    def describe(self) -> Mapping[str, str]:
        """Return the engine, its version, the image and the base image, for the receipt."""
        image, manifest = self._ready()
        with explained():
            client = self._connected()
            version = client.version()
            parts = version.get("Components") or [{}]
            facts = {
                "name": self.name,
                "engine": str(parts[0].get("Name", "Engine")),
                "version": str(version.get("Version", "")),
                "api": str(version.get("ApiVersion", "")),
                "image": image,
            }
            if any(
                name.rpartition(":")[0].endswith(FROZEN) for name in client.images.get(image).tags
            ):
                facts["image_from"] = "frozen"
            if manifest.base_image:
                with contextlib.suppress(APIError):
                    base = client.images.get(manifest.base_image)
                    facts["base_image"] = next(
                        iter(base.attrs.get("RepoDigests") or ()), str(base.id)
                    )
        return facts

    def _ready(self) -> tuple[str, Manifest]:
        """Return the prepared image's id and the manifest."""
        if self._prepared is None:
            raise ValueError("prepare comes first")
        return self._prepared

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.client.close()
            self._connection = None


def _tag(repository: str, environment: Environment) -> str:
    """Return the tag of an environment's image."""
    return f"{repository}:{environment.id[:20]}"


@contextlib.contextmanager
def _created(client: docker.DockerClient, settings: dict[str, Any]) -> Iterator[Container]:
    """Create a container, and remove it when the block ends."""
    container = client.containers.create(**settings)
    try:
        yield container
    finally:
        try:
            container.remove(v=True, force=True)
        except NotFound:
            pass
        except APIError as error:
            # The engine is removing it at the moment.
            if error.status_code != CONFLICT:
                raise
