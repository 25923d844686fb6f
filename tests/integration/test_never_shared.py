"""Test that each command which would use data that were never shared names the cause."""

from __future__ import annotations

import sys

import pytest

from tests.support.commands import datmo, experiments, refused
from tests.support.pair import Pair
from tests.support.shell import Shell

NEVER = "they were never shared"


@pytest.fixture
def ignacio(pair: Pair) -> Shell:
    """Return a clone that has Alex's commit, and no record of its data."""
    alex = pair.alex
    alex.write("data/x", "1\n")
    datmo(alex, "add-data", "data")
    datmo(alex, "commit", "-m", "one")
    alex.git("push", "-q", "--no-verify")
    pair.top.git("clone", "-q", str(pair.hub.cwd), "ignacio")
    clone = pair.top.at("ignacio")
    datmo(clone, "init")
    return clone


def test_checkout_of_first_data_never_shared_names_the_cause(ignacio: Shell) -> None:
    refused(ignacio, "checkout", code=2, says=(NEVER, "ask A U Thor to run 'git datmo push'"))
    assert NEVER in datmo(ignacio, "status").stdout


def test_pull_of_data_never_shared_names_the_cause(ignacio: Shell) -> None:
    assert NEVER in datmo(ignacio, "pull").stderr


def test_reproduce_of_data_never_shared_exits_with_2(ignacio: Shell) -> None:
    refused(ignacio, "reproduce", "HEAD", code=2, says=(NEVER,))
    refused(ignacio, "reproduce", "HEAD", "HEAD", code=2, says=(NEVER,))


def test_reproduce_fetches_data_shared_since(ignacio: Shell, pair: Pair) -> None:
    datmo(pair.alex, "push")
    refused(ignacio, "reproduce", "HEAD", says=("names no command to run",))


def test_run_with_data_never_shared_warns_and_records(ignacio: Shell) -> None:
    said = datmo(ignacio, "run", "--", sys.executable, "code.py").stderr
    assert said.count(NEVER) == 1
    assert "the files are recorded as they are here" in said
    assert experiments(ignacio)[0]["commit"] == ignacio.git("rev-parse", "HEAD")


@pytest.mark.parametrize("words", [["run", "--", sys.executable, "code.py"], ["snapshot"]])
def test_record_made_without_the_data_does_not_stand_for_them(
    ignacio: Shell, pair: Pair, words: list[str]
) -> None:
    assert NEVER in datmo(ignacio, *words).stderr
    assert NEVER in datmo(ignacio, *words).stderr
    assert NEVER in datmo(ignacio, "status").stdout
    ignacio.git("push", "-q", "origin", "HEAD:other")
    refused(pair.clone("jun"), "checkout", code=2, says=(NEVER,))


def test_data_that_are_shared_later_are_united_with_what_was_recorded_without_them(
    ignacio: Shell, pair: Pair
) -> None:
    ignacio.write("mine/y", "2\n")
    datmo(ignacio, "add-data", "mine")
    datmo(ignacio, "snapshot")
    datmo(pair.alex, "push")
    datmo(ignacio, "pull")
    assert (ignacio.cwd / "data" / "x").read_text() == "1\n"
    assert (ignacio.cwd / "mine" / "y").read_text() == "2\n"
    assert NEVER not in datmo(ignacio, "status").stdout


def test_commit_on_data_never_shared_names_the_cause(ignacio: Shell) -> None:
    ignacio.write("mine/y", "2\n")
    datmo(ignacio, "add-data", "mine")
    ignacio.write("code.py", "2\n")
    said = ignacio.run("git", "commit", "-q", "-a", "-m", "two").stderr
    assert NEVER in said
    assert "this commit builds on older data" in said


def test_commit_after_one_whose_snapshot_was_not_made_here_is_silent(pair: Pair) -> None:
    """Check that the next snapshot, or an abandoned one, covers a commit that its hook did not
    record."""
    alex = pair.alex
    alex.write("data/x", "1\n")
    datmo(alex, "add-data", "data")
    hook = alex.cwd / ".git" / "hooks" / "post-commit"
    hook.rename(hook.with_name("aside"))
    alex.git("commit", "-q", "--allow-empty", "-m", "one")
    hook.with_name("aside").rename(hook)
    alex.write("data/x", "2\n")
    assert NEVER not in alex.run("git", "commit", "-q", "--allow-empty", "-m", "two").stderr
    assert len(experiments(alex)) == 1


def test_run_where_the_data_were_made_is_silent(pair: Pair) -> None:
    alex = pair.alex
    alex.write("data/x", "1\n")
    datmo(alex, "add-data", "data")
    datmo(alex, "commit", "-m", "one")
    assert NEVER not in datmo(alex, "run", "--", sys.executable, "code.py").stderr
