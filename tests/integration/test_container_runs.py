"""A run in a container, and its rerun: what it may write, what it is held to, where the engine is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.team import datmo, experiments
from tests.servers.relay import relayed
from tests.servers.shell import Shell

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

TRAIN = """\
import json, os
from pathlib import Path
try:
    Path("data/raw/x").write_text("spoilt")
except OSError as error:
    print("guarded:", error.strerror)
Path("data/made/y").write_text("written")
Path("model.pkl").write_bytes(b"m" * 1000)
Path("metrics.json").write_text(json.dumps({"length": len(Path("data/raw/x").read_text())}))
"""


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_a_run_writes_its_outputs_alone_and_is_rerun_as_it_was_held(
    repo: Shell, engine_environ: dict[str, str], where: str
) -> None:
    repo.write("data/raw/x", "data")
    repo.write("data/made/y", "old")
    repo.commit("train.py", TRAIN)
    datmo(repo, "add-data", "data/raw", "data/made")
    with relayed(engine_environ["DOCKER_HOST"].removeprefix("unix://")) as address:
        person = repo.having(DOCKER_HOST=address) if where == "elsewhere" else repo.having(**engine_environ)
        held = ("--memory", "512m", "--cpus", "1")
        done = datmo(person, "run", "--engine", "docker", *held, "-o", "data/made", "--", "python", "train.py")
        assert ("Permission denied" if where == "elsewhere" else "Read-only file system") in done.stdout
        assert (repo.cwd / "data/raw/x").read_text() == "data"
        (made,) = experiments(repo)
        assert made["run"]["outputs"] == ["data/made", "metrics.json", "model.pkl"]
        assert made["run"]["resources"].items() >= {"memory_limit": 512 << 20, "cpu_limit": 1.0}.items()
        assert made["metrics"] == {"length": 4}
        again = datmo(person, "reproduce", "HEAD", "--engine", "docker", "--dir", "../rerun", "--json")
    receipt = json.loads(again.stdout)
    assert receipt["verdict"] == "identical"
    assert "guarded" in again.stderr
    assert Path(repo.cwd, "../rerun/data/made/y").read_text() == "written"


def test_what_no_engine_can_hold_to_is_refused(repo: Shell) -> None:
    done = datmo(repo, "run", "--memory", "1g", "--", "true", code=129)
    assert "the engine 'host' cannot hold a run to --memory" in done.stderr
    done = datmo(repo, "run", "--engine", "docker", "--memory", "much", "--", "true", code=129)
    assert "'much' is no amount of memory" in done.stderr
