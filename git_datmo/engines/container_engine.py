"""Runs a command in a container, by Docker or by Podman's socket.

What an engine gets to see of the machine is one folder, at `/work`, and no network unless the job
asks for it. An engine on this machine mounts the folder; to one elsewhere the files travel, and
back.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, cast

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.types import DeviceRequest, Mount
from requests.exceptions import RequestException

from git_datmo.engines.build_context import (
    ENVIRONMENT_LABEL,
    OWN_DOCKERFILE,
    follow_build,
    generated_context,
    proxies,
    repository_context,
    with_digest,
)
from git_datmo.engines.container_terminal import Line, converse
from git_datmo.engines.engine_capabilities import CONTAINER
from git_datmo.engines.engine_connection import EngineConnection, connect, describe_owner, is_gone
from git_datmo.engines.engine_contract import (
    CONTAINER_ROOT,
    Job,
    Outcome,
    Output,
    Size,
    job_variables,
)
from git_datmo.engines.folder_transfer import FolderTransfer
from git_datmo.engines.frozen_image import load_image, save_image
from git_datmo.engines.image_archive import Configuration
from git_datmo.engines.private_build import find_settings, install, split_dockerfile
from git_datmo.engines.resource_limits import ResourceLimits
from git_datmo.engines.resource_usage import ContainerUsage, sampling
from git_datmo.engines.run_journal import observing_variables
from git_datmo.engines.signal_relay import passing_signals
from git_datmo.environments.image_layers import build_files
from git_datmo.environments.manifest import DOCKERFILE, Environment, Manifest
from git_datmo.environments.manifest_reader import read_environment
from git_datmo.errors import BuildFailed, DatmoError, EngineMissing
from git_datmo.progress import Progress

REPOSITORY = "git-datmo/env"
FROZEN = "git-datmo/frozen"
RUN_LABEL = "git-datmo"
OWNER_LABEL = "git-datmo.owner"
WORK = PurePosixPath(CONTAINER_ROOT)
JOURNAL = PurePosixPath("/git-datmo")
SCRATCH = "/tmp"  # noqa: S108 - the container's own
# How long a command that was asked to end may take for it, as with `docker stop`.
GRACE = 10.0


@dataclass(slots=True)
class ContainerEngine:
    """Talks to the engine that `DOCKER_HOST` names, else the current Docker context, else Podman's
    socket.

    `rebuild` builds an environment's image though there is one.
    """

    environ: Mapping[str, str]
    rebuild: bool = False
    _connection: EngineConnection | None = field(default=None, init=False)
    _prepared: tuple[str, Manifest] | None = field(default=None, init=False)
    name = "docker"
    capabilities = CONTAINER

    def check(self) -> None:
        """Connect, and clear away containers of ours that nobody is left to remove."""
        with _explained():
            self._remove_leftovers()

    def _connected(self) -> docker.DockerClient:
        if self._connection is None:
            self._connection = connect(self.environ)
        return self._connection.client

    def _is_here(self) -> bool:
        self._connected()
        return self._connection is not None and self._connection.here

    def _remove_leftovers(self) -> None:
        ours: dict[str, str | list[str] | bool] = {"label": f"{RUN_LABEL}=run"}
        for left in self._connected().containers.list(all=True, filters=ours, ignore_removed=True):
            if is_gone(left.labels.get(OWNER_LABEL, "")):
                with contextlib.suppress(APIError):
                    left.remove(v=True, force=True)

    def pin(self, reference: str, *, progress: Progress) -> str:
        """A base image by its digest; one that was built on this machine may have none."""
        with _explained():
            images = self._connected().images
            try:
                found = images.get(reference)
            except ImageNotFound:
                progress.begin(f"fetching the base image '{reference}'", unit="image")
                try:
                    found = images.pull(reference)
                except APIError as e:
                    raise BuildFailed(
                        f"cannot have the base image '{reference}': {_said(e)}"
                    ) from e
                finally:
                    progress.finish()
            return with_digest(reference, found.attrs.get("RepoDigests") or ())

    def prepare(
        self, environment: Environment, *, code: Path, output: Output, progress: Progress
    ) -> None:
        """Find the environment's image by its id, or build it.

        A Dockerfile of the repository's own is built each time, since it may copy from `code`; the
        engine's cache makes that short where nothing changed.
        """
        manifest = read_environment(environment.files)
        tag = _tag(REPOSITORY, environment)
        with _explained():
            fresh = self.rebuild or manifest.dockerfile == "repository"
            found = None if fresh else self._find(tag, environment.id)
            if found is None:
                found = self._build(tag, environment, manifest, code, output, progress)
        self._prepared = found, manifest

    def _find(self, tag: str, identity: str) -> str | None:
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
                raise BuildFailed(f"cannot build the environment's image: {_said(e)}") from e
        built = self._find(tag, environment.id)
        if built is None:
            raise BuildFailed(
                f"cannot build the environment's image: the engine does not keep '{tag}'"
            )
        return built

    def platform(self) -> str:
        with _explained():
            version = self._connected().version()
        return f"{version.get('Os', '')}/{version.get('Arch', '')}"

    def save(self, folder: Path, *, progress: Progress) -> Configuration:
        with _explained():
            return save_image(self._connected(), self._ready()[0], folder, progress)

    def load(self, folder: Path, environment: Environment, *, progress: Progress) -> None:
        manifest, names = (
            read_environment(environment.files),
            (_tag(FROZEN, environment), _tag(REPOSITORY, environment)),
        )
        with _explained():
            image = load_image(
                self._connected(), folder, {ENVIRONMENT_LABEL: environment.id}, names, progress
            )
        self._prepared = image, manifest

    def run(self, job: Job, *, output: Output) -> Outcome:
        """Run `job` in a fresh container, which is removed however the run ends.

        The image's entry point is set aside: the recorded command is run as it is. ^C and requests
        to end are passed on to it; it has `GRACE` seconds to heed them.
        """
        image, manifest = self._ready()
        if (job.terminal or job.port) and not self._is_here():
            raise DatmoError(
                "an engine elsewhere has neither this terminal nor this folder",
                "use one of this machine",
            )
        with (
            _explained(),
            _created(self._connected(), self._settings(image, manifest, job)) as container,
        ):
            _require_gpus(container, job.limits)
            luggage = (
                None if self._is_here() else FolderTransfer(job.folder, self._user(), job.read_only)
            )
            if luggage is not None:
                container.put_archive(str(WORK), luggage.pack())
            outcome = (
                _talk(container, job, job.terminal)
                if job.terminal
                else _follow(container, job, output)
            )
            if luggage is not None:
                luggage.unpack(container.get_archive(str(WORK))[0])
            return outcome

    def _settings(self, image: str, manifest: Manifest, job: Job) -> dict[str, Any]:
        info = self._connected().info()
        variables = {
            **job_variables(job),
            "HOME": SCRATCH,
            "USER": "datmo",
        }  # a uid without a name has neither
        if folders := manifest.source_folders():
            variables["PYTHONPATH"] = ":".join(str(WORK / folder) for folder in folders)
        mounts = _mounts(job)
        if job.journal is not None and self._is_here():
            variables |= observing_variables(variables, JOURNAL)
            mounts.append(Mount(str(JOURNAL), str(job.journal.resolve()), type="bind"))
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
            **_limits(job.limits),
            **({"tty": True, "stdin_open": True} if job.terminal else {}),
            **({"ports": {f"{job.port}/tcp": ("127.0.0.1", job.port)}} if job.port else {}),
        }

    def _user(self) -> tuple[int, int]:
        """Who writes the files: we; under an engine without root its root is we."""
        options = self._connected().info().get("SecurityOptions") or ()
        return (
            (0, 0)
            if any("rootless" in option for option in options)
            else (os.getuid(), os.getgid())
        )

    def describe(self) -> Mapping[str, str]:
        image, manifest = self._ready()
        with _explained():
            client = self._connected()
            version = client.version()
            parts = version.get("Components") or [{}]
            told = {
                "name": self.name,
                "engine": str(parts[0].get("Name", "Engine")),
                "version": str(version.get("Version", "")),
                "api": str(version.get("ApiVersion", "")),
                "image": image,
            }
            if any(
                name.rpartition(":")[0].endswith(FROZEN) for name in client.images.get(image).tags
            ):
                told["image_from"] = "frozen"
            if manifest.base_image:
                with contextlib.suppress(APIError):
                    base = client.images.get(manifest.base_image)
                    told["base_image"] = next(
                        iter(base.attrs.get("RepoDigests") or ()), str(base.id)
                    )
        return told

    def _ready(self) -> tuple[str, Manifest]:
        if self._prepared is None:
            raise ValueError("prepare comes first")
        return self._prepared

    def close(self) -> None:
        if self._connection is not None:
            self._connection.client.close()
            self._connection = None


def _tag(repository: str, environment: Environment) -> str:
    return f"{repository}:{environment.id[:20]}"


def _follow(container: Container, job: Job, output: Output) -> Outcome:
    """Start a container and pass on what it says, to its end."""

    def send(number: int) -> None:
        # Not in the handler, which may have come in the middle of another request.
        threading.Thread(target=_end, args=(container, number), daemon=True).start()

    began = time.monotonic()
    with passing_signals(send, terminal=False) as told:
        try:
            # Before the start, or the first bytes are lost; the log that the engine keeps is not
            # byte exact.
            streams = container.attach(stream=True, demux=True)
            container.start()
        except APIError as e:
            raise DatmoError(f"cannot run '{job.command[0]}' in the container: {_said(e)}") from e
        with _measured(container) as usage:
            for out, err in streams:
                if out:
                    output("stdout", out)
                if err:
                    output("stderr", err)
            status = container.wait()["StatusCode"]
    return Outcome(status, time.monotonic() - began, usage.values(), told.interrupted)


@contextlib.contextmanager
def _measured(container: Container) -> Iterator[ContainerUsage]:
    """What a started container uses: asked for while it runs, since the engine forgets it with the
    last process."""
    usage = ContainerUsage()

    def take() -> bool:
        with contextlib.suppress(APIError, DockerException, RequestException, ValueError):
            usage.add(cast("dict[str, Any]", container.stats(stream=False, one_shot=True)))
            return True
        return False

    with sampling(take):
        yield usage


def _talk(container: Container, job: Job, size: Size) -> Outcome:
    """Start a container with our terminal as its own, to its end."""
    began = time.monotonic()
    wire = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    try:
        try:
            container.start()
        except APIError as e:
            raise DatmoError(f"cannot run '{job.command[0]}' in the container: {_said(e)}") from e
        converse(cast("Line", getattr(wire, "_sock", wire)), size, container.resize)
    finally:
        wire.close()
    return Outcome(container.wait()["StatusCode"], time.monotonic() - began)


def _end(container: Container, number: int) -> None:
    """Ask the command of a container to end, then end it."""
    with contextlib.suppress(APIError, RequestException):
        container.kill(signal.Signals(number).name)
        time.sleep(GRACE)
        container.kill()


def _limits(limits: ResourceLimits) -> dict[str, Any]:
    """What the engine calls the limits of a run."""
    settings: dict[str, Any] = {} if limits.network else {"network_mode": "none"}
    if limits.memory is not None:
        # No swap beyond it: a limit that only slows a run down says nothing.
        settings |= {"mem_limit": limits.memory, "memswap_limit": limits.memory}
    if limits.cpus is not None:
        settings["nano_cpus"] = round(limits.cpus * 1_000_000_000)
    if limits.gpus:
        settings["device_requests"] = [_gpus(limits.gpus)]
    if limits.devices:
        settings["devices"] = [f"{device}:{device}:rwm" for device in limits.devices]
    return settings


def _gpus(asked: str) -> DeviceRequest:
    kind = [["gpu"]]
    if asked == "all":
        return DeviceRequest(count=-1, capabilities=kind)
    if asked.isdecimal():
        return DeviceRequest(count=int(asked), capabilities=kind)
    return DeviceRequest(device_ids=asked.split(","), capabilities=kind)


def _require_gpus(container: Container, limits: ResourceLimits) -> None:
    """Raise `DatmoError` where the engine left out the GPUs that were asked for: Podman 4.3 does so
    without a word."""
    if limits.gpus and not container.attrs.get("HostConfig", {}).get("DeviceRequests"):
        raise DatmoError(
            f"the container engine does not know of '--gpus {limits.gpus}'",
            "name their devices: --device /dev/nvidia0",
        )


def _mounts(job: Job) -> list[Mount]:
    """The folder, and over it the paths not to be written; the `volumes` form would make what is
    missing."""
    mounts = []
    for path in ("", *job.read_only):
        source = (job.folder / path).resolve()
        if not source.exists() or (path == "" and not source.is_dir()):
            raise DatmoError(f"cannot run in '{source}': there is no such folder")
        if not source.is_relative_to(job.folder.resolve()):
            raise DatmoError(f"cannot run with '{path}': it leads out of '{job.folder}'")
        mounts.append(Mount(str(WORK / path), str(source), type="bind", read_only=path != ""))
    return mounts


@contextlib.contextmanager
def _created(client: docker.DockerClient, settings: dict[str, Any]) -> Iterator[Container]:
    container = client.containers.create(**settings)
    try:
        yield container
    finally:
        with contextlib.suppress(NotFound):
            container.remove(v=True, force=True)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn what the engine, or the way to it, complains of into one line."""
    try:
        yield
    except APIError as e:
        raise DatmoError(f"the container engine refused: {_said(e)}") from e
    except (DockerException, RequestException) as e:
        raise EngineMissing(
            f"lost the container engine: {' '.join(str(e).split())[:300]}",
            "see whether it runs, or take the weaker `--engine venv`",
        ) from e


def _said(error: APIError) -> str:
    """The engine's own words, of its nested explanations the innermost."""
    words = " ".join(str(error.explanation or error).split())
    return words.rsplit("exec: ", 1)[-1][:300]
