"""Run a command in a container, with Docker or through Podman's socket.

The command sees the job's folder at `/work`. It has no network unless the job allows it. An engine
on this machine mounts the folder. An engine elsewhere receives a copy, and the changes are copied
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
from git_datmo.engines.container_terminal import Line, can_show, converse, show
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
# Seconds until a command that was asked to end is killed, as with `docker stop`.
GRACE = 10.0


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
        with _explained():
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
        with _explained():
            images = self._connected().images
            try:
                found = images.get(reference)
            except ImageNotFound:
                progress.begin(f"fetching the base image '{reference}'", unit="image")
                try:
                    found = images.pull(reference)
                except APIError as e:
                    raise BuildFailed(f"cannot get the base image '{reference}': {_said(e)}") from e
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
        with _explained():
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
                raise BuildFailed(f"cannot build the environment's image: {_said(e)}") from e
        built = self._find(tag, environment.id)
        if built is None:
            raise BuildFailed(
                f"cannot build the environment's image: the engine did not keep '{tag}'"
            )
        return built

    def platform(self) -> str:
        """Return the engine's operating system and architecture, as `linux/amd64`."""
        with _explained():
            version = self._connected().version()
        return f"{version.get('Os', '')}/{version.get('Arch', '')}"

    def save(self, folder: Path, *, progress: Progress) -> Configuration:
        """Write the prepared image as files into the empty `folder`."""
        with _explained():
            return save_image(self._connected(), self._ready()[0], folder, progress)

    def load(self, folder: Path, environment: Environment, *, progress: Progress) -> None:
        """Load the environment's image from the files in `folder`, and prepare it."""
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
        """Run `job` in a new container, and remove the container in any case.

        The image's entry point is not used, so the recorded command runs unchanged. ^C and requests
        to end are passed on; the command then has `GRACE` seconds to end.
        """
        image, manifest = self._ready()
        if (job.terminal or job.port) and not self._is_here():
            raise DatmoError(
                "a remote engine cannot use this terminal and this folder",
                "use an engine on this machine",
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
            if job.terminal:
                outcome = _talk(container, job, job.terminal)
            elif self._shows(job):
                outcome = _show(container, job, output)
            else:
                outcome = _follow(container, job, output)
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
        mounts = _mounts(job)
        if job.journal is not None and self._is_here():
            variables |= observing_variables(variables, JOURNAL, job.journal.name)
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
        with _explained():
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


def _start_error(program: str, reason: str) -> DatmoError:
    """Return the error of a container whose command did not start."""
    hint = (
        f"the image needs '{program}': name its Debian package in apt.txt at the top of the"
        " repository, or install it in the Dockerfile if there is one"
    )
    what = f"cannot run '{program}' in the container: {reason}"
    return DatmoError(what, hint if "not found" in reason else "")


def _follow(container: Container, job: Job, output: Output) -> Outcome:
    """Start a container, and pass on its output until it ends."""
    began = time.monotonic()
    with passing_signals(lambda number: _send(container, number)) as relayed:
        try:
            # Attach before the start, or the first bytes are lost. The engine's stored log is not
            # byte exact.
            streams = container.attach(stream=True, demux=True)
            container.start()
        except APIError as e:
            raise _start_error(job.command[0], _said(e)) from e
        job.on_start()
        with _measured(container) as usage:
            for out, err in streams:
                if out:
                    output("stdout", out)
                if err:
                    output("stderr", err)
            status = container.wait()["StatusCode"]
    return Outcome(status, time.monotonic() - began, usage.values(), relayed.interrupted)


@contextlib.contextmanager
def _measured(container: Container) -> Iterator[ContainerUsage]:
    """Measure a started container while the block lasts.

    The engine reports no figures after the last process has ended, so it is asked repeatedly.
    """
    usage = ContainerUsage()

    def take() -> bool:
        with contextlib.suppress(APIError, DockerException, RequestException, ValueError):
            usage.add(cast("dict[str, Any]", container.stats(stream=False, one_shot=True)))
            return True
        return False

    with sampling(take):
        yield usage


def _talk(container: Container, job: Job, size: Size) -> Outcome:
    """Start a container on the user's terminal, and wait until it ends."""
    began = time.monotonic()
    with _started_on_line(container, job) as line:
        converse(line, size, container.resize)
    return Outcome(container.wait()["StatusCode"], time.monotonic() - began)


def _show(container: Container, job: Job, output: Output) -> Outcome:
    """Start a container with a terminal, and pass on its output until it ends."""
    began = time.monotonic()
    with (
        passing_signals(lambda number: _send(container, number)) as relayed,
        _started_on_line(container, job) as line,
        _measured(container) as usage,
    ):
        show(line, container.resize, lambda data: output("stdout", data))
        status = container.wait()["StatusCode"]
    return Outcome(status, time.monotonic() - began, usage.values(), relayed.interrupted)


@contextlib.contextmanager
def _started_on_line(container: Container, job: Job) -> Iterator[Line]:
    """Start a container with a terminal, and yield the socket of that terminal."""
    wire = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    try:
        try:
            container.start()
        except APIError as e:
            raise _start_error(job.command[0], _said(e)) from e
        job.on_start()
        yield cast("Line", getattr(wire, "_sock", wire))
    finally:
        wire.close()


def _send(container: Container, number: int) -> None:
    """Send a signal to a container's command, without waiting for the engine."""
    # Use a thread, since the signal may interrupt another request to the engine.
    threading.Thread(target=_end, args=(container, number), daemon=True).start()


def _end(container: Container, number: int) -> None:
    """Send a signal to a container's command, and kill it `GRACE` seconds later."""
    with contextlib.suppress(APIError, RequestException):
        container.kill(signal.Signals(number).name)
        time.sleep(GRACE)
        container.kill()


def _limits(limits: ResourceLimits) -> dict[str, Any]:
    """Return a job's limits as arguments for the creation of a container."""
    settings: dict[str, Any] = {} if limits.network else {"network_mode": "none"}
    if limits.memory is not None:
        # No swap, so that the limit ends a run instead of slowing it down.
        settings |= {"mem_limit": limits.memory, "memswap_limit": limits.memory}
    if limits.cpus is not None:
        settings["nano_cpus"] = round(limits.cpus * 1_000_000_000)
    if limits.gpus:
        settings["device_requests"] = [_gpus(limits.gpus)]
    if limits.devices:
        settings["devices"] = [f"{device}:{device}:rwm" for device in limits.devices]
    return settings


def _gpus(gpus: str) -> DeviceRequest:
    """Return the device request for `all`, a number of GPUs, or their ids."""
    kind = [["gpu"]]
    if gpus == "all":
        return DeviceRequest(count=-1, capabilities=kind)
    if gpus.isdecimal():
        return DeviceRequest(count=int(gpus), capabilities=kind)
    return DeviceRequest(device_ids=gpus.split(","), capabilities=kind)


def _require_gpus(container: Container, limits: ResourceLimits) -> None:
    """Raise `DatmoError` if the engine ignored the request for GPUs.

    Podman 4.3 does so without an error.
    """
    if limits.gpus and not container.attrs.get("HostConfig", {}).get("DeviceRequests"):
        raise DatmoError(
            f"the container engine does not support '--gpus {limits.gpus}'",
            "name their devices: --device /dev/nvidia0",
        )


def _mounts(job: Job) -> list[Mount]:
    """Return the bind mounts of the job's folder and of the read-only paths in it.

    Raises `DatmoError` for a missing path, which the `volumes` form would create, and for a path
    that leads out of the folder.
    """
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
    """Create a container, and remove it when the block ends."""
    container = client.containers.create(**settings)
    try:
        yield container
    finally:
        with contextlib.suppress(NotFound):
            container.remove(v=True, force=True)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn errors of the engine and its connection into `DatmoError` with a single line."""
    try:
        yield
    except APIError as e:
        raise DatmoError(f"the container engine refused: {_said(e)}") from e
    except (DockerException, RequestException) as e:
        raise EngineMissing(
            f"the connection to the container engine was lost: {' '.join(str(e).split())[:300]}",
            "check that it runs, or use '--engine venv', which isolates less",
        ) from e


def _said(error: APIError) -> str:
    """Return the engine's message, reduced to the innermost of nested explanations."""
    words = " ".join(str(error.explanation or error).split())
    return words.rsplit("exec: ", 1)[-1][:300]
