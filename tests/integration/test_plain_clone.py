"""Test that a plain clone is told about experiments, and which command sets it up."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.support.commands import datmo, experiments, refused
from tests.support.pair import Pair
from tests.support.servers.silent import serve_mute
from tests.support.shell import Shell


def plain_clone(pair: Pair) -> Shell:
    """Return a clone without set-up."""
    pair.top.git("clone", "-q", str(pair.hub.cwd), "plain")
    return pair.top.at("plain")


@pytest.fixture
def shared(pair: Pair) -> Pair:
    """Return a pair whose data are recorded and shared."""
    pair.alex.write("data/x", "1\n")
    datmo(pair.alex, "add-data", "data")
    datmo(pair.alex, "commit", "-m", "data")
    pair.alex.git("push", "-q")
    return pair


def test_log_and_checkout_in_plain_clone_name_init(shared: Pair) -> None:
    clone = plain_clone(shared)
    for verb in ("log", "show", "checkout"):
        said = refused(clone, verb, says=("not set up", "git datmo init"))
        assert "its commits name data" in said
    datmo(clone, "init")
    assert len(experiments(clone)) == 1
    datmo(clone, "checkout")
    assert (clone.cwd / "data" / "x").read_text() == "1\n"


def test_status_without_set_up_names_init(shared: Pair) -> None:
    clone = plain_clone(shared)
    assert "warning: this clone is not set up for git-datmo" in datmo(clone, "status").stderr
    assert "git datmo init" in json.loads(datmo(clone, "status", "--json").stdout)["warnings"][0]
    assert not (clone.cwd / ".git" / "datmo").exists()


def test_log_without_trailers_asks_the_remote(shared: Pair) -> None:
    clone = plain_clone(shared)
    clone.git("checkout", "-q", "--detach", "HEAD~1")
    for verb in ("log", "checkout"):
        assert "'origin' has experiments" in refused(clone, verb, says=("git datmo init",))
    assert datmo(clone, "status").stderr == ""


def test_log_knows_records_that_came_as_branches(shared: Pair) -> None:
    records = shared.hub.git("rev-parse", "refs/datmo/records")
    shared.hub.git("update-ref", "refs/heads/git-datmo/records", records)
    clone = plain_clone(shared)
    clone.git("checkout", "-q", "--detach", "HEAD~1")
    assert "it has records of experiments" in datmo(clone, "status").stderr


def test_log_without_experiments_prints_hint(pair: Pair) -> None:
    clone = plain_clone(pair)
    assert datmo(clone, "log").stderr == "no experiments yet\n"
    assert datmo(pair.alex, "log").stderr == "no experiments yet\n"
    assert datmo(pair.alex, "log", "--data", "--json").stdout == ""


def test_log_of_a_range_without_experiments_names_the_range(shared: Pair) -> None:
    datmo(shared.alex, "snapshot", "-m", "an experiment")
    assert datmo(shared.alex, "log", "HEAD..HEAD").stderr == "no experiments in 'HEAD..HEAD'\n"


def test_log_of_unborn_branch_prints_hint(repo: Shell) -> None:
    repo.git("checkout", "-q", "--orphan", "fresh")
    assert datmo(repo, "log").stderr == "no experiments yet\n"


def test_log_passes_over_a_remote_that_cannot_be_reached(make_repo: Callable[..., Shell]) -> None:
    plain = make_repo()
    plain.commit("code.py", "pass\n")
    plain.git("remote", "add", "origin", "/nowhere")
    assert datmo(plain, "log").stderr == "no experiments yet\n"


def test_log_does_not_wait_for_a_remote_that_is_silent(make_repo: Callable[..., Shell]) -> None:
    plain = make_repo()
    plain.commit("code.py", "pass\n")
    with serve_mute() as port:
        plain.git("remote", "add", "origin", f"git://127.0.0.1:{port}/x")
        plain.git("config", "datmo.timeout", "600")
        assert datmo(plain, "log").stderr == "no experiments yet\n"
