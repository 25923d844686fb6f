"""Test data on both sides of a rebase: the rebased commits have one version of them."""

from __future__ import annotations

import json

import pytest

from tests.support.commands import datmo
from tests.support.independent_claims import Claimant
from tests.support.shell import Shell


@pytest.fixture
def topic(repo: Shell) -> Shell:
    """Return a branch `topic` with changed data and a run, beside other data on `main`."""
    for name in ("a", "b"):
        repo.write(f"data/{name}", "1\n")
    datmo(repo, "add-data", "data")
    repo.commit("code.py", "\n")
    repo.git("switch", "-q", "-c", "topic")
    repo.write("data/a", "topic\n")
    repo.commit("topic.py", "\n")
    datmo(repo, "run", "--", "sh", "-c", "echo fitted > model.bin")
    repo.git("switch", "-q", "main")
    repo.write("data/b", "main\n")
    repo.commit("main.py", "\n")
    repo.git("switch", "-q", "topic")
    return repo


def test_rebased_commit_has_one_version_of_the_data(topic: Shell) -> None:
    topic.git("rebase", "-q", "main")
    status = json.loads(datmo(topic, "status", "--json").stdout)
    assert len(status["snapshots"]) == 1
    assert status["standing"] == status["snapshots"]
    assert not status["differs"]
    assert Claimant(topic).data(topic.git("rev-parse", "HEAD")) == status["snapshots"]


def test_rebased_commit_keeps_the_outputs_of_its_run(topic: Shell) -> None:
    topic.git("rebase", "-q", "main")
    datmo(topic, "checkout")
    found = {path: (topic.cwd / path).read_text() for path in ("data/a", "data/b", "model.bin")}
    assert found == {"data/a": "topic\n", "data/b": "main\n", "model.bin": "fitted\n"}


def test_data_amended_after_a_rebase_do_not_meet_their_former_version(topic: Shell) -> None:
    topic.git("rebase", "-q", "main")
    topic.write("data/a", "better\n")
    topic.commit("later.py", "\n")
    assert (topic.cwd / "data/a").read_text() == "better\n"
    assert json.loads(datmo(topic, "status", "--json").stdout)["undecided"] == []
