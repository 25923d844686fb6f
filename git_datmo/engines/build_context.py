"""Prepare the contexts of image builds as tar streams, and report why a build failed."""

from __future__ import annotations

import io
import re
import tarfile
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any, cast

from git_datmo.engines.engine_contract import Output
from git_datmo.environments.manifest import MANIFEST
from git_datmo.errors import BuildFailed
from git_datmo.progress import Progress

# The label that holds the environment's id in its image.
ENVIRONMENT_LABEL = "git-datmo.environment"
OWN_DOCKERFILE = ".git-datmo.Dockerfile"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_STEP = re.compile(r"Step (\d+)/(\d+) : ")
_FAILED_STEP = re.compile(
    r"The command '(?:/bin/sh -c )?(.*)' returned a non-zero code: (\d+)", re.DOTALL
)


# Build arguments that engines predefine. They appear neither in an image's history nor in its
# configuration.
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")


def proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the proxy variables as build arguments."""
    names = (spelling for name in _PROXIES for spelling in (name, name.upper()))
    return {name: environ[name] for name in names if environ.get(name)}


def with_digest(reference: str, known: Iterable[str]) -> str:
    """Return `reference` with its digest (`python@sha256:…`).

    `known` are the engine's references with a digest. Without a match, the reference gets the tag
    `latest` if it has neither tag nor digest.
    """
    name, tag = _split(reference)
    for each in known:
        repository, _, digest = each.partition("@")
        if digest.startswith("sha256:") and _split(repository)[0] == name:
            return f"{reference}@{digest}"
    return reference if tag or "@" in reference else f"{reference}:latest"


def _split(reference: str) -> tuple[str, str]:
    """Return an image's full name, with registry, and its tag."""
    path, colon, tag = reference.rpartition(":")
    # A slash behind the colon: the colon is that of a registry's port.
    if not colon or "/" in tag:
        path, tag = reference, ""
    first = path.split("/", maxsplit=1)[0]
    if "/" not in path:
        return f"docker.io/library/{path}", tag
    # Docker's rule: the first component is a registry if it has a dot or a colon, or is
    # `localhost`.
    return (
        path if "." in first or ":" in first or first == "localhost" else f"docker.io/{path}",
        tag,
    )


def generated_context(files: Mapping[str, bytes]) -> IO[bytes]:
    """Return the generated Dockerfile and its files as a tar file in memory.

    The bytes depend neither on the machine nor on the time.
    """
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for name in sorted(files.keys() - {MANIFEST}):
            entry = tarfile.TarInfo(name)
            entry.size = len(files[name])
            archive.addfile(entry, io.BytesIO(files[name]))
    context.seek(0)
    return context


def repository_context(code: Path, dockerfile: bytes) -> IO[bytes]:
    """Return the folder `code` with `dockerfile` as a tar file in a temporary file.

    `.git` and the paths in `.dockerignore` are left out.
    """
    from docker.utils.build import tar

    rules = code / ".dockerignore"
    lines = rules.read_text(encoding="utf-8").splitlines() if rules.is_file() else []
    ignored = [
        ".git",
        *(line.strip() for line in lines if line.strip() and not line.startswith("#")),
    ]
    return cast(
        "IO[bytes]", tar(code, exclude=ignored, dockerfile=(OWN_DOCKERFILE, dockerfile.decode()))
    )


def follow_build(events: Iterable[Any], output: Output, progress: Progress) -> None:
    """Pass on the messages of a build.

    Raises `BuildFailed` with the most telling line if the build fails.
    """
    last: deque[str] = deque(maxlen=200)
    done = 0
    progress.begin("building the environment's image", unit="step")
    try:
        for event in events:
            text = event.get("stream") or ""
            output("stderr", text.encode())
            last.extend(_COLOUR.sub("", text).splitlines())
            if step := _STEP.match(text):
                if not done:
                    progress.begin("building the environment's image", int(step[2]), unit="step")
                progress.advance(int(step[1]) - done)
                done = int(step[1])
            if problem := event.get("error"):
                raise BuildFailed(
                    f"cannot build the environment's image: {_why(problem, last)}",
                    "see the build's output; 'datmo.baseImage' or a Dockerfile in the repository"
                    " sets another base image",
                )
    finally:
        progress.finish()


def _why(problem: str, last: Iterable[str]) -> str:
    """Return the most telling line of a failed build, from its last lines or the engine's error."""
    errors = [line.strip() for line in last if line.strip().lower().startswith("error:")]
    if errors:
        return errors[-1]
    failed = _FAILED_STEP.search(problem)
    return f"'{failed[1]}' exited with {failed[2]}" if failed else " ".join(problem.split())
