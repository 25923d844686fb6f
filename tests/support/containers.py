"""Connect to a container engine, and run Python in containers."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from git_datmo.engines.container_engine import ContainerEngine
from git_datmo.engines.engine_contract import Job, Outcome
from tests.support.engine_output import Heard


@pytest.fixture
def client(engine_host: str) -> Iterator[docker.DockerClient]:
    """Return a connection to the engine that runs."""
    with closing(docker.DockerClient(base_url=engine_host)) as client:
        yield client


@pytest.fixture
def engine(engine_host: str) -> Iterator[ContainerEngine]:
    """Return the engine that runs, checked."""
    with closing(ContainerEngine({"DOCKER_HOST": engine_host})) as engine:
        engine.check()
        yield engine


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Return a folder whose name has a space."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    return folder


def python(
    engine: ContainerEngine, heard: Heard, folder: Path, code: str, **more: object
) -> Outcome:
    """Run Python code in a container, in a folder."""
    job = Job(("python", "-c", textwrap.dedent(code)), folder, **more)  # type: ignore[arg-type]
    return engine.run(job, output=heard)


def wait_for_line(container: Container, text: str) -> None:
    """Read a container's log up to a line with `text`; fail if the container ends before."""
    seen = b""
    for piece in container.logs(stream=True, follow=True):
        seen += piece
        if text.encode() in seen:
            return
    pytest.fail(f"the container ended before '{text}': {seen.decode('utf-8', 'replace')}")
