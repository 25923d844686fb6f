"""A commit whose data were never shared: whoever gets it is told by each command that would use them."""

from __future__ import annotations

import sys

import pytest

from tests.integration.conftest import Pair
from tests.integration.team import datmo, experiments, refused
from tests.servers.shell import Shell

NEVER = "they were never shared"


@pytest.fixture
def ignacio(pair: Pair) -> Shell:
    """A clone that has Alex's commit, and no record of its data."""
    alex = pair.alex
    alex.write("data/x", "1\n")
    datmo(alex, "add-data", "data")
    datmo(alex, "commit", "-m", "one")
    alex.git("push", "-q", "--no-verify")
    pair.top.git("clone", "-q", str(pair.hub.cwd), "ignacio")
    clone = pair.top.at("ignacio")
    datmo(clone, "init")
    return clone


def test_checkout_of_the_first_data_says_so(ignacio: Shell) -> None:
    refused(ignacio, "checkout", code=2, says=(NEVER, "ask A U Thor to run 'git datmo push'"))
    assert NEVER in datmo(ignacio, "status").stdout


def test_pull_says_so(ignacio: Shell) -> None:
    assert NEVER in datmo(ignacio, "pull").stderr


def test_reproduce_says_so_with_exit_code_2(ignacio: Shell) -> None:
    refused(ignacio, "reproduce", "HEAD", code=2, says=(NEVER,))
    refused(ignacio, "reproduce", "HEAD", "HEAD", code=2, says=(NEVER,))


def test_reproduce_fetches_what_was_shared_meanwhile(ignacio: Shell, pair: Pair) -> None:
    datmo(pair.alex, "push")
    refused(ignacio, "reproduce", "HEAD", says=("names no command to run",))


def test_run_says_so_and_records_what_is_here(ignacio: Shell) -> None:
    said = datmo(ignacio, "run", "--", sys.executable, "code.py").stderr
    assert said.count(NEVER) == 1
    assert "the files are recorded as they are here" in said
    assert experiments(ignacio)[0]["commit"] == ignacio.git("rev-parse", "HEAD")


def test_run_where_the_data_were_made_is_silent(pair: Pair) -> None:
    alex = pair.alex
    alex.write("data/x", "1\n")
    datmo(alex, "add-data", "data")
    datmo(alex, "commit", "-m", "one")
    assert NEVER not in datmo(alex, "run", "--", sys.executable, "code.py").stderr
