"""Give tests of reproduction an engine that answers, and environments to build."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from git_datmo.environments.environment_files import Environment
from git_datmo.environments.interpreter_probe import Distribution, Probe
from git_datmo.environments.probed_environment import make_environment
from tests.support.containers import client, engine, work
from tests.support.engine_output import Heard

__all__ = ["client", "engine", "engine_host", "heard", "make_env", "work"]


@pytest.fixture(scope="session")
def engine_host() -> str:
    """Return the address of a container engine. `tests/container-engine.sh -- pytest` sets it."""
    host = os.environ.get("DOCKER_HOST", "")
    why = "DOCKER_HOST is not set" if not host else _complaint(host)
    if why and os.environ.get("DATMO_REQUIRE_ENGINE") == "1":
        pytest.fail(f"no container engine, and DATMO_REQUIRE_ENGINE=1: {why}")
    if why:
        pytest.skip(f"no container engine: {why}; run 'tests/container-engine.sh -- pytest'")
    return host


def _complaint(host: str) -> str:
    import docker
    from docker.errors import DockerException

    try:
        client = docker.DockerClient(base_url=host)
        client.ping()
        client.close()
    except (DockerException, OSError) as error:
        return f"'{host}' does not answer: {error}"
    return ""


@pytest.fixture(scope="session")
def make_env() -> Callable[..., Environment]:
    """Return a function that makes an environment of packages given as `name==version`."""

    def make(
        *packages: str, version: str = "3.11.7", own: tuple[Distribution, ...] = (), **more: object
    ) -> Environment:
        found = [Distribution(*package.split("==")) for package in packages]
        return make_environment(
            Probe("cpython", version, (*found, *own)),
            repository=Path("/repository"),
            **more,  # type: ignore[arg-type]
        )

    return make


@pytest.fixture
def heard() -> Heard:
    return Heard()
