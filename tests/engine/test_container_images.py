"""Test that images are built, reused and refused as they should be."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import docker
import pytest

from git_datmo.engines.container_engine import ContainerEngine
from git_datmo.environments.environment_files import Environment
from git_datmo.environments.interpreter_probe import Distribution, Origin
from git_datmo.errors import DatmoError
from git_datmo.progress import QUIET
from tests.support.containers import python
from tests.support.engine_output import Heard

# One worker, because a test counts the images and containers of the engine.
pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]


def test_image_contains_the_package(
    engine: ContainerEngine, make_env: Callable[..., Environment], work: Path, heard: Heard
) -> None:
    engine.prepare(make_env("six==1.17.0"), code=work, output=heard, progress=QUIET)
    outcome = python(engine, heard, work, "import six; print(six.__version__)")
    assert outcome.exit_code == 0
    assert heard.streams["stdout"] == b"1.17.0\n"


def test_image_that_exists_is_not_built_again(
    engine: ContainerEngine, engine_host: str, make_env: Callable[..., Environment], work: Path
) -> None:
    env = make_env("six==1.16.0")
    engine.prepare(env, code=work, output=Heard(), progress=QUIET)
    again = Heard()
    with closing(ContainerEngine({"DOCKER_HOST": engine_host})) as other:
        other.prepare(env, code=work, output=again, progress=QUIET)
        told = other.describe()
        assert told == engine.describe()
    assert again.streams["stderr"] == b""
    assert told["name"] == "docker"
    assert told["image"].startswith("sha256:")
    assert told["base_image"]


def test_image_tagged_by_another_program_is_not_used(
    engine: ContainerEngine,
    client: docker.DockerClient,
    make_env: Callable[..., Environment],
    work: Path,
    heard: Heard,
) -> None:
    env = make_env(variables={"PYTHONHASHSEED": "1"})
    client.images.get("python:3.11-slim").tag("git-datmo/env", env.id[:20])
    engine.prepare(env, code=work, output=heard, progress=QUIET)
    assert (
        client.images.get(f"git-datmo/env:{env.id[:20]}").labels["git-datmo.environment"] == env.id
    )


def test_packages_of_the_repository_are_imported_from_it(
    engine: ContainerEngine, make_env: Callable[..., Environment], work: Path, heard: Heard
) -> None:
    (work / "libs/one/src/first").mkdir(parents=True)
    (work / "libs/one/src/first/__init__.py").write_text("print('first')")
    (work / "second.py").write_text("print('second')")
    own = (
        Distribution("one", "1", origin=Origin("folder", folder="/repository/libs/one")),
        Distribution("whole", "1", origin=Origin("folder", folder="/repository")),
    )
    engine.prepare(make_env(own=own), code=work, output=heard, progress=QUIET)
    heard.streams["stdout"] = b""
    (work / "elsewhere").mkdir()
    assert python(engine, heard, work, "import first, second", cwd="elsewhere").exit_code == 0, (
        heard.streams
    )
    assert heard.streams["stdout"] == b"first\nsecond\n"


def test_failed_image_build_names_its_cause(
    engine: ContainerEngine,
    client: docker.DockerClient,
    make_env: Callable[..., Environment],
    work: Path,
    heard: Heard,
) -> None:
    before = {container.id for container in client.containers.list(all=True, ignore_removed=True)}
    env = make_env("six==0.0.1.999")
    with pytest.raises(DatmoError) as caught:
        engine.prepare(env, code=work, output=heard, progress=QUIET)
    assert "No matching distribution found for six==0.0.1.999" in caught.value.what
    assert "\n" not in caught.value.what
    assert caught.value.hint
    assert b"six" in heard.streams["stderr"]
    for container in client.containers.list(all=True, ignore_removed=True):
        if container.id not in before:
            # The engine reports the reason before it removes the container of the failing step.
            with suppress(docker.errors.NotFound):
                container.wait(condition="removed", timeout=60)
    with pytest.raises(docker.errors.ImageNotFound):
        client.images.get(f"git-datmo/env:{env.id[:20]}")


def test_own_dockerfile_of_repository_is_built(
    engine: ContainerEngine, make_env: Callable[..., Environment], work: Path, heard: Heard
) -> None:
    text = b'FROM python:3.11-slim\nCOPY . /baked\nENTRYPOINT ["false"]\n'
    env = make_env(dockerfile=text)
    (work / ".dockerignore").write_text("# not these\nsecret\n")
    (work / "secret").write_text("x")
    for content in ("one", "two"):
        (work / "code").write_text(content)
        engine.prepare(env, code=work, output=heard, progress=QUIET)
        heard.streams["stdout"] = b""
        code = "import os; print(open('/baked/code').read(), sorted(os.listdir('/baked')))"
        assert python(engine, heard, work, code).exit_code == 0
        assert heard.streams["stdout"].decode() == f"{content} ['.dockerignore', 'code']\n"


def test_failed_dockerfile_build_names_its_step(
    engine: ContainerEngine, make_env: Callable[..., Environment], work: Path, heard: Heard
) -> None:
    env = make_env(dockerfile=b"FROM python:3.11-slim\nRUN exit 42\n")
    with pytest.raises(DatmoError, match="42") as caught:
        engine.prepare(env, code=work, output=heard, progress=QUIET)
    assert "\n" not in caught.value.what
