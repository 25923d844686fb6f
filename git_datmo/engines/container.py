"""Runs a command in a container, by Docker or by Podman's socket; the only module that imports `docker`.

What an engine gets to see of the machine is one folder, mounted at `/work`, and no network unless the job asks for it.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.types import Mount
from requests.exceptions import RequestException

from git_datmo.engines.base import Job, Outcome, Output, job_variables
from git_datmo.engines.decode import read_environment
from git_datmo.engines.images import OWN_DOCKERFILE, follow_build, generated_context, repository_context
from git_datmo.engines.manifest import DOCKERFILE, Environment, Manifest
from git_datmo.errors import DatmoError, EngineMissing
from git_datmo.progress import Progress

REPOSITORY = "git-datmo/env"
ENVIRONMENT_LABEL = "git-datmo.environment"
RUN_LABEL = "git-datmo"
OWNER_LABEL = "git-datmo.pid"
WORK = PurePosixPath("/work")
SCRATCH = "/tmp"  # noqa: S108 - the container's own


@dataclass(slots=True)
class ContainerEngine:
    """Talks to the engine that `DOCKER_HOST` names, else the current Docker context, else Podman's socket."""

    environ: Mapping[str, str]
    _client: docker.DockerClient | None = field(default=None, init=False)
    _prepared: tuple[str, Manifest] | None = field(default=None, init=False)
    name = "docker"

    def check(self) -> None:
        """Connect, and clear away containers of ours that ended when nobody was left to remove them."""
        with _explained():
            self._remove_leftovers()

    def _connected(self) -> docker.DockerClient:
        if self._client is None:
            self._client = _connect(self.environ)
        return self._client

    def _remove_leftovers(self) -> None:
        ours: dict[str, str | list[str] | bool] = {"label": f"{RUN_LABEL}=run", "status": "exited"}
        for left in self._connected().containers.list(all=True, filters=ours, ignore_removed=True):
            if not _is_running(left.labels.get(OWNER_LABEL, "")):
                with contextlib.suppress(APIError):
                    left.remove(v=True, force=True)

    def prepare(self, environment: Environment, *, code: Path, output: Output, progress: Progress) -> None:
        """Find the environment's image by its id, or build it.

        A Dockerfile of the repository's own is built each time, since it may copy from `code`; the engine's cache
        makes that short where nothing changed.
        """
        manifest = read_environment(environment.files)
        tag = f"{REPOSITORY}:{environment.id[:20]}"
        with _explained():
            found = None if manifest.dockerfile == "repository" else self._find(tag, environment.id)
            if found is None:
                progress.begin("building the environment's image", unit="step")
                try:
                    found = self._build(tag, environment, manifest, code, output)
                finally:
                    progress.finish()
        self._prepared = found, manifest

    def _find(self, tag: str, identity: str) -> str | None:
        try:
            image = self._connected().images.get(tag)
        except ImageNotFound:
            return None
        return image.id if image.labels.get(ENVIRONMENT_LABEL) == identity else None

    def _build(self, tag: str, environment: Environment, manifest: Manifest, code: Path, output: Output) -> str:
        own = manifest.dockerfile == "repository"
        files = environment.files
        with repository_context(code, files[DOCKERFILE]) if own else generated_context(files) as context:
            events = self._connected().api.build(
                fileobj=context,
                custom_context=True,
                dockerfile=OWN_DOCKERFILE if own else DOCKERFILE,
                tag=tag,
                labels={ENVIRONMENT_LABEL: environment.id},
                rm=True,
                forcerm=True,
                decode=True,
            )
            follow_build(events, output)
        built = self._find(tag, environment.id)
        if built is None:
            raise DatmoError(f"cannot build the environment's image: the engine does not keep '{tag}'")
        return built

    def run(self, job: Job, *, output: Output) -> Outcome:
        """Run `job` in a fresh container, which is removed however the run ends.

        The image's entry point is set aside: the recorded command is run as it is.
        """
        image, manifest = self._ready()
        with _explained(), _created(self._connected(), self._settings(image, manifest, job)) as container:
            began = time.monotonic()
            try:
                # Before the start, or the first bytes are lost; the log that the engine keeps is not byte exact.
                streams = container.attach(stream=True, demux=True)
                container.start()
            except APIError as e:
                raise DatmoError(f"cannot run '{job.command[0]}' in the container: {_said(e)}") from e
            for out, err in streams:
                if out:
                    output("stdout", out)
                if err:
                    output("stderr", err)
            status = container.wait()["StatusCode"]
            return Outcome(status, time.monotonic() - began)

    def _settings(self, image: str, manifest: Manifest, job: Job) -> dict[str, Any]:
        info = self._connected().info()
        variables = {**job_variables(job), "HOME": SCRATCH, "USER": "datmo"}  # a uid without a name has neither
        if folders := manifest.source_folders():
            variables["PYTHONPATH"] = ":".join(str(WORK / folder) for folder in folders)
        return {
            "image": image,
            "entrypoint": [job.command[0]],
            "command": list(job.command[1:]),
            "working_dir": str(WORK / job.cwd),
            "environment": variables,
            "user": _user(info),
            "mounts": _mounts(job),
            "labels": {RUN_LABEL: "run", OWNER_LABEL: str(os.getpid())},
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges", "label=disable"],  # SELinux would hide the folder
            "shm_size": max(1 << 26, int(info.get("MemTotal") or 0) // 2),  # as on a host: data loaders share by it
            **({} if job.network else {"network_mode": "none"}),
        }

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
            if manifest.base_image:
                with contextlib.suppress(APIError):
                    base = client.images.get(manifest.base_image)
                    told["base_image"] = next(iter(base.attrs.get("RepoDigests") or ()), str(base.id))
        return told

    def _ready(self) -> tuple[str, Manifest]:
        if self._prepared is None:
            raise ValueError("prepare comes first")
        return self._prepared

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _connect(environ: Mapping[str, str]) -> docker.DockerClient:
    """A client of the first engine that answers."""
    runtime = environ.get("XDG_RUNTIME_DIR", "/run/user/none")
    sockets = [f"{runtime}/docker.sock", f"{runtime}/podman/podman.sock", "/run/podman/podman.sock"]
    hosts = [] if environ.get("DOCKER_HOST") else [f"unix://{path}" for path in sockets if _is_socket(path)]
    why = ""
    for host in ("", *hosts):
        try:
            client = docker.DockerClient(base_url=host) if host else docker.from_env(environment=environ)
            client.ping()
        except (DockerException, RequestException) as e:
            why = why or str(e)
        else:
            return client
    where = environ.get("DOCKER_HOST") or "the usual sockets"
    raise EngineMissing(
        f"no container engine answers at {where}",
        "start Docker or Podman, or take the weaker `--engine venv`" + (f" ({why[:200]})" if why else ""),
    )


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return int(pid) > 0


def _user(info: Mapping[str, Any]) -> str:
    """Who writes the files: we; under an engine without root its root is we."""
    rootless = any("rootless" in option for option in info.get("SecurityOptions") or ())
    return "0:0" if rootless else f"{os.getuid()}:{os.getgid()}"


def _mounts(job: Job) -> list[Mount]:
    """The folder, and over it the paths not to be written; the `volumes` form would make what is missing."""
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
