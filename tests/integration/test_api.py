"""Test the Python API: the examples of its page, and the values that they return."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from git_datmo.api import DatmoError, Role, open_repository
from tests.support.commands import datmo, experiments
from tests.support.pair import Pair
from tests.support.shell import Shell

PAGE = Path(__file__).parents[2] / "docs" / "API.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
TRAIN = """
import json, pathlib
pathlib.Path("model.pkl").write_text("m")
pathlib.Path("metrics.json").write_text(json.dumps({"accuracy": 0.9}))
"""


@pytest.fixture
def project(pair: Pair) -> Shell:
    """Return a clone with a training script and data that no snapshot has yet."""
    pair.alex.commit("train.py", TRAIN)
    pair.alex.write("data/a", "a")
    return pair.alex


def test_examples_of_api_page_run_in_their_order(project: Shell) -> None:
    # The repository of the examples is called 'project'.
    (project.cwd.parent / "project").symlink_to(project.cwd)
    order = [0, 2, 1, 3, 4]
    script = "from git_datmo.api import open_repository\n" + "\n".join(EXAMPLES[n] for n in order)
    said = project.at("..").run("python", "-c", script).stdout
    assert "baseline {'accuracy': 0.9}" in said
    assert said.rstrip().endswith("identical")


def test_experiments_are_those_of_the_log(project: Shell) -> None:
    with open_repository(project.cwd, environ=project.env) as repository:
        added = repository.add_data("data", role=Role.DATA)
        assert [each.payload.path for each in added] == ["data"]
        done = repository.run(["python", "train.py"], message="first", parameters={"lr": 0.1})
        assert done.exit_code == 0
        (experiment,) = repository.experiments()
        assert experiment == repository.experiment("HEAD")
    (listed,) = experiments(project)
    assert experiment.id == listed["id"]
    assert dict(experiment.metrics) == listed["metrics"]
    assert (experiment.message, dict(experiment.parameters)) == ("first", {"lr": 0.1})
    assert experiment.run is not None
    assert experiment.run.command == ("python", "train.py")


def test_reading_by_api_moves_no_ref(project: Shell) -> None:
    datmo(project, "run", "--", "python", "train.py")
    before = project.git("for-each-ref")
    with open_repository(project.cwd, environ=project.env) as repository:
        list(repository.experiments())
        repository.status()
    assert project.git("for-each-ref") == before


def test_shared_experiment_is_pulled_and_checked_out(pair: Pair, project: Shell) -> None:
    with open_repository(project.cwd, environ=project.env) as repository:
        repository.add_data("data")
        repository.snapshot("labels", metrics={"files": 1})
        assert repository.share("origin").records == 1
    project.git("push", "-q", "origin", "main")
    ignacio = pair.clone()
    with open_repository(ignacio.cwd, environ=ignacio.env) as repository:
        repository.pull()
        repository.checkout()
        assert [each.state for each in repository.status().payloads] == ["unchanged"]
    assert (ignacio.cwd / "data/a").read_text() == "a"


def test_snapshot_of_another_person_is_not_rerun_without_trust(pair: Pair, project: Shell) -> None:
    datmo(project, "run", "--", "python", "train.py")
    project.git("push", "-q", "origin", "main")
    ignacio = pair.clone()
    with open_repository(ignacio.cwd, environ=ignacio.env) as repository:
        with pytest.raises(DatmoError, match="was not made here"):
            repository.reproduce(engine="host")
        assert repository.reproduce(engine="host", trust=True).receipt.verdict == "identical"


def test_folder_without_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatmoError), open_repository(tmp_path, environ={"PATH": "/usr/bin:/bin"}):
        pass
