"""Log from a training script in a container whose environment has no git-datmo."""

from __future__ import annotations

import json

import pytest

from tests.support.commands import datmo, experiments
from tests.support.shell import Shell

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

SCRIPT = """\
import git_datmo as datmo
assert datmo.__file__.startswith("/git-datmo/package/")
datmo.log_params({"lr": 0.5})
for step in range(10):
    datmo.log_metric("loss", 1 / (1 + step))
datmo.log_text("note", "kept")
"""


def test_script_logs_in_run_and_rerun_without_git_datmo(
    repo: Shell, engine_environ: dict[str, str]
) -> None:
    repo.commit("train.py", SCRIPT)
    engine = repo.having(**engine_environ)
    datmo(engine, "run", "--engine", "docker", "--", "python", "train.py")
    found = experiments(repo)[0]
    assert (found["parameters"], found["metrics"]) == ({"lr": 0.5}, {"loss": 0.1})
    assert found["curves"]["loss"]["points"] == 10
    assert found["run"]["artifacts"]["files"] == 1
    done = datmo(engine, "reproduce", "--json", found["id"])
    assert json.loads(done.stdout)["verdict"] == "identical"
