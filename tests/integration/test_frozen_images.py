"""Test that a frozen image outlives its base image, its packages and its engine."""

from __future__ import annotations

import io
import json
import random
import tarfile
from collections.abc import Iterator
from contextlib import closing, suppress

import docker
import pytest
from docker.errors import NotFound

from git_datmo.engines.container_engine import FROZEN, REPOSITORY
from tests.support.commands import datmo, experiments, refused
from tests.support.pair import Pair
from tests.support.schemas import require_valid
from tests.support.shell import Shell
from tests.support.virtual_environments import with_packages

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

# A registry that nobody answers for.
BASE = "localhost:9/base:1"
TRAIN = """\
import hashlib, json, six
from pathlib import Path
Path("model.pkl").write_bytes(hashlib.sha256(Path("/opt/base").read_bytes()).digest())
Path("metrics.json").write_text(json.dumps({"six": six.__version__}))
"""
NOWHERE = "ENV PIP_INDEX_URL=http://127.0.0.1:9/simple PIP_RETRIES=0\n"


@pytest.fixture
def client(engine_environ: dict[str, str]) -> Iterator[docker.DockerClient]:
    with closing(docker.DockerClient(base_url=engine_environ["DOCKER_HOST"])) as made:
        yield made
        forget(made, base=True)


def make_base(client: docker.DockerClient, more: str = "") -> None:
    """Make a base image with 2 MB that no other image has."""
    files = {
        "own": random.Random(7).randbytes(2 << 20),
        "Dockerfile": f"FROM python:3.11-slim\n{more}COPY own /opt/base\n",
    }
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as made:
        for name, content in files.items():
            raw = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(name)
            entry.size = len(raw)
            made.addfile(entry, io.BytesIO(raw))
    context.seek(0)
    client.images.build(fileobj=context, custom_context=True, tag=BASE, nocache=True, rm=True)


def forget(client: docker.DockerClient, *, base: bool) -> None:
    """Take the environments' images, and their base, from the engine."""
    ours = [
        name
        for image in client.images.list()
        for name in image.tags
        if REPOSITORY in name or FROZEN in name
    ]
    for name in [*ours, *([BASE] if base else [])]:
        with suppress(NotFound):
            client.images.remove(name, force=True)
    client.images.prune({"dangling": True})


def frozen_run(person: Shell, *packages: str) -> tuple[Shell, dict[str, object]]:
    """Run in an environment of some packages, and freeze it."""
    shell = with_packages(person, person.cwd.parent / "-".join(packages), *packages)
    datmo(shell, "run", "--engine", "docker", "--", "python3", "train.py")
    return shell, dict(json.loads(datmo(person, "env", "freeze", "--json").stdout))


@pytest.mark.timeout(240)
def test_image_outlives_what_it_was_built_from(
    pair: Pair, client: docker.DockerClient, engine_environ: dict[str, str]
) -> None:
    make_base(client)
    alex = pair.alex.having(**engine_environ)
    alex.git("config", "datmo.baseImage", BASE)
    alex.commit("train.py", TRAIN)
    refused(alex, "env", "freeze", says=("no snapshot",))
    shell, first = frozen_run(alex, "six==1.17.0")
    refused(alex, "env", "freeze", "--engine", "venv", code=129, says=("builds no image",))
    again = json.loads(datmo(alex, "env", "freeze", "--json").stdout)
    require_valid("env-freeze", again)
    assert (again["id"], again["added"]) == (first["id"], 0)
    assert f"frozen:      {first['platform']} on " in datmo(alex, "env", "show").stdout

    # Base and packages in common are stored once; the other package gets a layer of its own, below.
    alex.git("commit", "-q", "--allow-empty", "-m", "more")
    _, second = frozen_run(alex, "six==1.17.0", "nvidia-ml-py==12.560.30")
    assert first["image"] != second["image"]
    assert int(str(second["added"])) * 20 < int(str(second["size"]))
    alex.git("push", "-q")

    ignacio = pair.clone().having(**engine_environ)
    (newest, oldest) = experiments(ignacio)
    forget(client, base=True)
    refused(
        ignacio,
        "reproduce",
        oldest["id"],
        "--rebuild",
        says=("cannot build the environment's image",),
    )
    done = datmo(ignacio, "reproduce", oldest["id"], "--json")
    assert f"using image {str(first['id'])[:10]}, which " in done.stderr
    receipt = json.loads(done.stdout)
    assert receipt["verdict"] == "identical"
    assert receipt["engine"]["image"] == first["image"]
    assert receipt["engine"]["image_from"] == "frozen"

    # A run of one's own finds the environment that was frozen, although nobody can tell the base's
    # digest any more.
    forget(client, base=True)
    command = ("run", "--engine", "docker", "--", "python3", "train.py")
    refused(
        shell,
        *command[:3],
        "--rebuild",
        *command[3:],
        code=125,
        says=("cannot get the base image",),
    )
    assert f"using image {str(first['id'])[:10]}, which " in datmo(shell, *command).stderr
    (newest_here, *_) = experiments(shell)
    assert newest_here["environment"] == oldest["environment"]

    # The base is available again, the index is not. The loaded image is found by its id.
    make_base(client, NOWHERE)
    told = datmo(ignacio, "reproduce", oldest["id"])
    assert "using image" not in told.stderr
    assert (
        "using image"
        in datmo(
            ignacio, "env", "shell", newest["id"], "--", "python3", "-c", "import pynvml, six"
        ).stderr
    )

    # The images go with the snapshots that need them.
    datmo(ignacio, "drop", oldest["id"])
    assert [
        image["id"] for image in json.loads(datmo(ignacio, "du", "--json").stdout)["images"]
    ] == [second["id"]]
