"""Test that a model is served in the environment of its snapshot, apart from the server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import datmo
from tests.support.serving import serving, write_model
from tests.support.shell import Shell
from tests.support.virtual_environments import Env, with_packages

# Tells what the environment of the model has and allows.
PREDICT = """\
import os, sys

def load(paths):
    return None

def attempt(path):
    try:
        open(path, "w").close()
        return "written"
    except OSError as error:
        return error.strerror

def predict(model, inputs):
    try:
        import starlette
        seen = starlette.__version__
    except ImportError:
        seen = "none"
    return {
        "starlette": [seen],
        "uid": [os.getuid()],
        "code": [attempt("made")],
        "tmp": [attempt("/tmp/made")],
        "datmo": [str("git_datmo" in sys.modules)],
        "network": [str(sorted(os.listdir("/sys/class/net")))],
    }
"""


def facts(repo: Shell, *words: str) -> dict[str, object]:
    """Return what the model says of its environment."""
    with serving(repo, "--entry", "predict.py:predict", *words) as served:
        answer = served.ask("/invocations", {"instances": [1]})
        assert answer.status == 200, served.errors
        (found,) = answer.document["predictions"]
        return dict(found)


def test_old_starlette_of_the_model_stays_apart_from_the_server(
    make_repo: Callable[..., Shell], tmp_path: Path
) -> None:
    """Serve a model whose environment has a starlette that no server could use."""
    repo = make_repo()
    datmo(repo, "init")
    home = Env(tmp_path / "model")
    home.add("starlette", "0.13.6")
    (home.site / "starlette").mkdir()
    (home.site / "starlette" / "__init__.py").write_text('__version__ = "0.13.6"\n')
    repo = repo.having(PATH=f"{home.bin}:{repo.env['PATH']}")
    write_model(repo, contract="", predict=PREDICT)
    before = json.loads(datmo(repo, "env", "show", "--json").stdout)
    assert [p["name"] for p in before["packages"]] == ["starlette"]
    assert facts(repo)["starlette"] == "0.13.6"
    datmo(repo, "run", "--", "python", "train.py")
    assert json.loads(datmo(repo, "env", "show", "--json").stdout)["id"] == before["id"]


@pytest.mark.engine
@pytest.mark.xdist_group("engine")
@pytest.mark.timeout(180)
def test_model_in_container_is_sealed_and_without_network(
    make_repo: Callable[..., Shell], tmp_path: Path, engine_environ: dict[str, str]
) -> None:
    repo = with_packages(make_repo(**engine_environ), tmp_path / "bare")
    datmo(repo, "init")
    write_model(repo, contract="", predict=PREDICT)
    found = facts(repo, "--engine", "docker")
    assert found["uid"] != 0
    assert (found["code"], found["tmp"]) == ("Read-only file system", "written")
    assert found["network"] == "['lo']"
    assert (found["datmo"], found["starlette"]) == ("False", "none")
