"""Test that a model is served in the environment of its snapshot, apart from the server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import docker
import pytest

from tests.support.commands import datmo
from tests.support.serving import Served, serving, write_model
from tests.support.shell import Shell
from tests.support.virtual_environments import Env, with_packages

# Tells what the environment of the model has and allows.
PREDICT = """\
import importlib, os, re, sys

def load(paths):
    return None

def attempt(path):
    try:
        open(path, "w").close()
        return "written"
    except OSError as error:
        return error.strerror

def version(name):
    try:
        module = importlib.import_module(name)
    except ImportError:
        return "none"
    return getattr(module, "VERSION", None) or module.__version__

def predict(model, inputs):
    if "hang" in inputs:
        print("the model hangs")
        # Holds the interpreter's lock for years.
        re.match("(a+)+$", "a" * 60 + "b")
    return {
        "starlette": [version("starlette")],
        "pydantic": [version("pydantic")],
        "uid": [os.getuid()],
        "code": [attempt("made")],
        "tmp": [attempt("/tmp/made")],
        "datmo": [str("git_datmo" in sys.modules)],
        "network": [str(sorted(os.listdir("/sys/class/net")))],
    }
"""
ENTRY = ("--entry", "predict.py:predict")


def facts(served: Served) -> dict[str, object]:
    """Return what the model says of its environment."""
    answer = served.ask("/invocations", {"instances": [1]})
    assert answer.status == 200, served.errors
    (found,) = answer.document["predictions"]
    return dict(found)


def environment_id(repo: Shell) -> str:
    return str(json.loads(datmo(repo, "env", "show", "--json").stdout)["id"])


@pytest.mark.timeout(180)
def test_old_starlette_and_pydantic_are_served_in_a_virtual_environment(
    make_repo: Callable[..., Shell], tmp_path: Path
) -> None:
    """Serve a model with packages that no server could use, and that stay as they are."""
    # The settings with which this machine reaches the package index.
    index = {n: v for n, v in os.environ.items() if n.startswith(("PIP_", "SSL_CERT_"))}
    repo = make_repo(**index)
    datmo(repo, "init")
    home = Env(tmp_path / "model")
    wanted = ("starlette==0.13.6", "pydantic==1.10.26")
    pip = (sys.executable, "-m", "pip", "-q", "--python", home.python, "install", "--no-compile")
    subprocess.run((*pip, *wanted), check=True)
    repo = repo.having(PATH=f"{home.bin}:{repo.env['PATH']}")
    write_model(repo, contract="", predict=PREDICT)
    before = environment_id(repo)
    with serving(repo, *ENTRY, "--engine", "venv") as served:
        found = facts(served)
    assert (found["starlette"], found["pydantic"]) == ("0.13.6", "1.10.26")
    assert found["datmo"] == "False"
    datmo(repo, "run", "--", "python", "train.py")
    assert environment_id(repo) == before


@pytest.mark.engine
@pytest.mark.xdist_group("engine")
@pytest.mark.timeout(180)
def test_model_in_container_is_sealed_and_ends_with_its_killed_server(
    make_repo: Callable[..., Shell], tmp_path: Path, engine_environ: dict[str, str]
) -> None:
    repo = with_packages(make_repo(**engine_environ), tmp_path / "bare")
    datmo(repo, "init")
    write_model(repo, contract="", predict=PREDICT)
    with (
        closing(docker.DockerClient(base_url=engine_environ["DOCKER_HOST"])) as client,
        serving(repo, *ENTRY, "--engine", "docker", "--timeout", "600") as served,
    ):
        found = facts(served)
        assert found["uid"] != 0
        assert (found["code"], found["tmp"]) == ("Read-only file system", "written")
        assert found["network"] == "['lo']"
        assert (found["datmo"], found["starlette"]) == ("False", "none")

        def hang() -> None:
            with suppress(ConnectionError):
                served.rows(hang=[1])

        lost = threading.Thread(target=hang)
        lost.start()
        served.wait_for("the model hangs")
        (container,) = client.containers.list(filters={"label": "git-datmo=run"})
        served.child.kill()
        # The engine removes the container when its worker has ended.
        with suppress(docker.errors.NotFound):
            container.wait(condition="removed", timeout=60)
        lost.join(60)
