"""Test that a run which needs data that are not fetched is refused before it starts."""

from __future__ import annotations

import pytest

from git_datmo.runs.unfetched_inputs import _names
from tests.support.commands import datmo, experiments, refused
from tests.support.pair import Pair
from tests.support.shell import Shell

TRAIN = "text = open('data/x').read()\nopen('model.pkl', 'w').write(text)\n"


@pytest.fixture
def clone(pair: Pair) -> Shell:
    """Return a clone without fetched payloads: data that a run read, its model, and other data."""
    pair.alex.write("data/x", "x")
    pair.alex.write("other/y", "y")
    datmo(pair.alex, "add-data", "data", "other")
    pair.alex.commit("train.py", TRAIN)
    datmo(pair.alex, "run", "--", "python", "train.py")
    pair.alex.git("push", "-q")
    return pair.clone()


@pytest.mark.parametrize(
    ("command", "who"),
    [
        ("python train.py", "the last run of this command read"),
        ("python train.py --fast", "'train.py' names"),
        ("python -m train", "'train.py' names"),
        ("cat data/x", "the command names"),
        ("cat ./data/../data", "the command names"),
        ("python new.py --data=data", "the command names"),
    ],
)
def test_run_that_needs_unfetched_data_is_refused(clone: Shell, command: str, who: str) -> None:
    clone.write("new.py", "")
    before = len(experiments(clone))
    refused(
        clone,
        *("run", "--", *command.split()),
        code=125,
        says=(f"{who} 'data', which is not fetched", "'git datmo checkout -- data' fetches it"),
    )
    assert len(experiments(clone)) == before
    datmo(clone, "checkout", "--", "data")
    datmo(clone, "run", "--", *command.split(), ok=False)
    assert len(experiments(clone)) == before + 1


def test_run_that_needs_no_unfetched_data_goes_on(clone: Shell) -> None:
    """Run a command that names a model only to write it."""
    datmo(clone, "checkout", "--", "data")
    done = datmo(clone, "run", "--", "python", "train.py")
    assert "not fetched" not in done.stderr
    clone.write("write.py", "open('model.pkl', 'w').write('new')\n")
    datmo(clone, "run", "--", "python", "write.py", "model.pkl")


def test_setting_runs_without_the_data_and_a_failure_names_them(clone: Shell) -> None:
    done = clone.run(
        *("git", "-c", "datmo.runWithout=true", "datmo", "run", "--", "python", "train.py"),
        ok=False,
    )
    assert done.returncode == 1
    assert "'data' is not fetched: if the command needs it, 'git datmo checkout -- data'" in (
        done.stderr
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("open('data/x')", True),
        ('Path("data")', True),
        ("cat ./data/x", True),
        ('folder = "./data"', True),
        ("batch['data'] = x[0]['data']", False),
        ('{"data": 1}', False),
        ("# reads data", False),
        ("mydata/x, a-data/x, more/data/x", False),
        ("metadata", False),
    ],
)
def test_text_names_a_path_in_quotes_or_before_a_slash(text: str, named: bool) -> None:
    assert _names(text, "data") is named
