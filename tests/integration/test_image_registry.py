"""Push images to a real registry, and read them with skopeo and umoci."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from git_datmo.errors import DatmoError
from git_datmo.oci.image_layout import OciImage, archive_pieces, write_layout
from git_datmo.oci.image_reference import parse_reference
from git_datmo.oci.registry_client import Registry
from git_datmo.progress import QUIET
from tests.support.servers.image_registry import serve_registry
from tests.support.tiny_image import make_image, make_layer


def read(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def push(image: OciImage, name: str, environ: Mapping[str, str]) -> str:
    return Registry(parse_reference(name), environ).push(image, QUIET)


def environ_without_logins(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_text("{}")
    return {"PATH": os.environ["PATH"], "DOCKER_CONFIG": str(tmp_path / "docker")}


@pytest.fixture
def image(tmp_path: Path) -> OciImage:
    layers = tmp_path / "layers"
    return make_image(
        make_layer(layers, {"/srv/model": b"1" * 3_000_000}),
        make_layer(layers, {"/srv/code": b"2"}),
    )


def test_pushed_image_has_its_digest_and_is_not_sent_twice(tmp_path: Path, image: OciImage) -> None:
    environ = environ_without_logins(tmp_path)
    with serve_registry(tmp_path / "registry", environ) as host:
        assert push(image, f"{host}/team/digits:v1", environ) == image.digest
        found = json.loads(
            read("skopeo", "inspect", "--tls-verify=false", f"docker://{host}/team/digits:v1")
        )
        assert (found["Digest"], len(found["Layers"])) == (image.digest, 2)
        sent: list[int] = []

        class Counting:
            def begin(self, _what: str, total: int = 0, **_: Any) -> None:
                sent.append(total)

            def __getattr__(self, _name: str) -> Any:
                return lambda *_args, **_kwargs: None

        registry = Registry(parse_reference(f"{host}/team/digits:v2"), environ)
        registry.push(image, Counting())  # type: ignore[arg-type]
        assert sent == [0]


def test_registry_with_login_is_pushed_to_by_that_of_docker(
    tmp_path: Path, image: OciImage
) -> None:
    environ = environ_without_logins(tmp_path)
    with serve_registry(tmp_path / "registry", environ, user="ada", password="p ö") as host:
        with pytest.raises(DatmoError, match="refuses access to 'digits'") as refused:
            push(image, f"{host}/digits", environ)
        assert refused.value.hint == f"docker login {host}"
        login = base64.b64encode("ada:p ö".encode()).decode()
        config = {"auths": {host: {"auth": login}}}
        (tmp_path / "docker" / "config.json").write_text(json.dumps(config))
        assert push(image, f"{host}/digits", environ) == image.digest


def test_registry_that_is_not_there_is_named(tmp_path: Path, image: OciImage) -> None:
    with pytest.raises(DatmoError, match=r"registry 127\.0\.0\.1:1 cannot be reached: .*refused"):
        push(image, "127.0.0.1:1/x", environ_without_logins(tmp_path))


@pytest.mark.parametrize("name", ["a B", "Team/x", "x:", "127.0.0.1:5000/", "", "x:" + "t" * 200])
def test_name_that_no_registry_takes_is_refused(name: str) -> None:
    with pytest.raises(DatmoError, match="is no name of an image"):
        parse_reference(name)


def test_short_name_is_that_of_the_hub() -> None:
    assert str(parse_reference("python")) == "docker.io/library/python:latest"
    assert parse_reference("team/x:1").base == "https://registry-1.docker.io/v2/"
    assert parse_reference("localhost:5000/x").base == "http://localhost:5000/v2/"


def test_layout_and_archive_are_read_by_other_programs(tmp_path: Path, image: OciImage) -> None:
    write_layout(image, tmp_path / "oci", "v1")
    archive = tmp_path / "image.tar"
    archive.write_bytes(b"".join(archive_pieces(image, ["digits:v1"])))
    found = json.loads(read("skopeo", "inspect", f"oci:{tmp_path}/oci:v1"))
    assert found["Digest"] == image.digest
    for kind in ("oci-archive", "docker-archive"):
        read("skopeo", "copy", f"{kind}:{archive}", f"dir:{tmp_path / kind}")
    unpacked = tmp_path / "unpacked"
    read("umoci", "unpack", "--rootless", "--image", f"{tmp_path}/oci:v1", str(unpacked))
    assert (unpacked / "rootfs" / "srv" / "code").read_bytes() == b"2"
