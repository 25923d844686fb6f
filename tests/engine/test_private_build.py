"""Test that settings for fetching packages reach the build of an image, and stay in no part of
it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import docker
import pytest

from git_datmo.engines.container_engine import ContainerEngine
from git_datmo.engines.engine_contract import Job
from git_datmo.environments.environment_files import Environment
from git_datmo.environments.interpreter_probe import Distribution, Origin
from git_datmo.environments.package_archive import packed_wheel
from git_datmo.errors import BuildFailed
from git_datmo.progress import QUIET
from tests.support.engine_output import Heard

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

SECRET = "s3cretw0rd"


def wheel(folder: Path) -> bytes:
    """Return a wheel of one module, as packed for transfer."""
    place = folder / "site-packages"
    (place / "ours-1.0.dist-info").mkdir(parents=True)
    (place / "ours.py").write_text("word = 'here'\n")
    (place / "ours-1.0.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: ours\nVersion: 1.0\n"
    )
    (place / "ours-1.0.dist-info/WHEEL").write_text(
        "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    (place / "ours-1.0.dist-info/RECORD").write_text(
        "ours.py,,\nours-1.0.dist-info/METADATA,,\nours-1.0.dist-info/WHEEL,,\n"
    )
    return packed_wheel(place / "ours-1.0.dist-info", limit=1 << 20)[1]


def settings(engine_host: str, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "ca.pem").write_text(f"# {SECRET}\n")
    index = f"http://me:{SECRET}@127.0.0.1:9/simple"
    return {
        "DOCKER_HOST": engine_host,
        "PIP_INDEX_URL": index,
        "PIP_RETRIES": "0",
        "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
    }


def test_password_of_index_is_in_no_layer_of_image(
    engine_host: str, make_env: Callable[..., Environment], tmp_path: Path, heard: Heard
) -> None:
    own = Distribution("ours", "1.0", origin=Origin("folder", folder="/elsewhere"))
    archives = {"ours": ("ours-1.0-py3-none-any.whl", wheel(tmp_path))}
    environment = make_env(own=(own,), archives=archives)
    with closing(ContainerEngine(settings(engine_host, tmp_path))) as engine:
        engine.prepare(environment, code=tmp_path, output=heard, progress=QUIET)
        image = engine.describe()["image"]
        heard.streams.update(stdout=b"")
        done = engine.run(
            Job(("python", "-c", "import ours; print(ours.word)"), tmp_path), output=heard
        )
    assert (done.exit_code, heard.streams["stdout"]) == (0, b"here\n")
    with closing(docker.DockerClient(base_url=engine_host)) as client:
        found = client.images.get(image)
        assert SECRET not in json.dumps([found.attrs, found.history()])
        assert SECRET.encode() not in b"".join(found.save())


def test_build_uses_the_configured_index(
    engine_host: str, make_env: Callable[..., Environment], tmp_path: Path, heard: Heard
) -> None:
    with (
        closing(ContainerEngine(settings(engine_host, tmp_path))) as engine,
        pytest.raises(BuildFailed),
    ):
        engine.prepare(
            make_env("no-such-package==1.0"), code=tmp_path, output=heard, progress=QUIET
        )
    assert b"127.0.0.1" in heard.streams["stderr"]
