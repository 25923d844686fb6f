"""Install packages into an image with settings that must stay in neither the image nor its history.

An engine keeps the arguments of a build. So pip runs in a container of the image so far, by a
command that is given the settings, and the container is committed: its configuration has never had
them.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from docker import DockerClient
from docker.errors import APIError
from docker.models.containers import Container

from git_datmo.engines.build_context import proxies
from git_datmo.engines.build_log import telling_line
from git_datmo.engines.engine_contract import Output
from git_datmo.environments.dockerfile import PIP
from git_datmo.errors import BuildFailed, DatmoError

SETTINGS = (
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_NO_INDEX"),
    *("PIP_DEFAULT_TIMEOUT", "PIP_TIMEOUT", "PIP_RETRIES"),
)
CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT")
PLACE = "/tmp"  # noqa: S108 - the container's own


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """Variables for pip, and the files of certificates that some of them name, by the name that
    they get."""

    variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


def find_settings(environ: Mapping[str, str]) -> BuildSettings | None:
    """Return the settings of a person by which packages are fetched, or None where there are
    none."""
    variables = {name: environ[name] for name in SETTINGS if environ.get(name)}
    files = {}
    for name in CERTIFICATES:
        if environ.get(name):
            try:
                files[f"git-datmo-{name}.pem"] = Path(environ[name]).read_bytes()
            except OSError as error:
                raise DatmoError(
                    f"cannot read '{environ[name]}', which {name} names: {error.strerror}",
                    f"correct or unset {name}",
                ) from error
            variables[name] = f"{PLACE}/git-datmo-{name}.pem"
    return BuildSettings({**proxies(environ), **variables}, files) if variables else None


def split_dockerfile(dockerfile: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return a generated Dockerfile without the steps in which pip installs, and their commands."""
    lines = dockerfile.decode().splitlines(keepends=True)
    rest = "".join(line for line in lines if not line.startswith(PIP))
    return rest.encode(), tuple(
        line.removeprefix("RUN ").strip() for line in lines if line.startswith(PIP)
    )


def install(
    client: DockerClient,
    tag: str,
    commands: tuple[str, ...],
    settings: BuildSettings,
    output: Output,
    label: str,
) -> None:
    """Run `commands` in the image `tag`, and give the result its name, and the label `label`
    (`NAME=VALUE`)."""
    # The container must run while the commands below are executed in it.
    container = client.containers.create(tag, ["infinity"], entrypoint=["sleep"], user="0")
    try:
        container.start()
        if settings.files:
            container.put_archive(PLACE, _archive(settings.files))
        for command in commands:
            _run(client, container, command, settings, output)
        if settings.files:
            # The user's certificates must not become part of the image.
            container.exec_run(["rm", "-f", *(f"{PLACE}/{name}" for name in settings.files)])
        repository, _, name = tag.rpartition(":")
        # A commit takes over the container's entry point and command, which are only for this
        # build.
        changes = [f"LABEL {label}", "ENTRYPOINT []", 'CMD ["python3"]']
        container.commit(repository, name, changes=changes)
    finally:
        with suppress(APIError):
            container.remove(v=True, force=True)


def _run(
    client: DockerClient,
    container: Container,
    command: str,
    settings: BuildSettings,
    output: Output,
) -> None:
    api = client.api
    started = api.exec_create(
        container.id, ["sh", "-c", command], environment=dict(settings.variables)
    )["Id"]
    said = bytearray()
    for data in api.exec_start(started, stream=True):
        output("stderr", data)
        said += data
        # The last lines are enough to say why the build failed.
        del said[:-65536]
    if api.exec_inspect(started)["ExitCode"]:
        raise BuildFailed(
            "cannot build the environment's image:"
            f" {telling_line(said.decode('utf-8', 'replace'))}",
            "see the build's output; 'datmo.baseImage' or a Dockerfile in the repository sets"
            " another base image",
        )


def _archive(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(os.path.basename(name))
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
