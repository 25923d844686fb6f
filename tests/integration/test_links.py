"""Test that links which lead out of a payload are named once on record, checkout and rerun."""

from __future__ import annotations

import os
import sys

import pytest

from tests.support.commands import datmo
from tests.support.pair import Pair
from tests.support.shell import Shell

PLACED = "out of 'data', to what is not part of it"


@pytest.fixture
def linked(pair: Pair) -> Shell:
    """Return a clone with an unshared payload: one link leads out of it, and one does not."""
    pair.alex.write("data/file", "x")
    os.symlink("file", pair.alex.cwd / "data" / "good")
    os.symlink("../../elsewhere", pair.alex.cwd / "data" / "out")
    datmo(pair.alex, "add-data", "data")
    return pair.alex


def test_link_that_comes_later_is_named_by_the_snapshot_that_stores_it(linked: Shell) -> None:
    os.symlink("/no/such/disk", linked.cwd / "data" / "later")
    said = datmo(linked, "snapshot").stderr
    assert "1 link in 'data' leads out of it" in said
    assert said.count("'data/later'") == 1
    assert "'data/out'" not in said
    assert "link" not in datmo(linked, "snapshot").stderr


def test_link_that_comes_later_is_named_by_the_commit(linked: Shell) -> None:
    os.symlink("/no/such/disk", linked.cwd / "data" / "later")
    said = linked.run("git", "commit", "-q", "--allow-empty", "-m", "data").stderr
    assert said.count("'data/later'") == 1


def test_link_that_a_run_writes_is_named(linked: Shell) -> None:
    program = "import os; os.mkdir('out'); os.symlink('/no/such/disk', 'out/link')"
    said = datmo(linked, "run", "-o", "out", "--", sys.executable, "-c", program).stderr
    assert said.count("1 link in 'out' leads out of it") == 1


def test_checkout_in_a_clone_names_them_once(linked: Shell, pair: Pair) -> None:
    linked.commit("code.py", "1\n")
    linked.git("push", "-q")
    clone = pair.clone()
    said = datmo(clone, "checkout").stderr
    assert said.count(PLACED) == 1
    assert said.count(f"1 link leads {PLACED}: 'data/out'") == 1
    assert PLACED not in datmo(clone, "checkout").stderr
    (clone.cwd / "data" / "out").unlink()
    assert datmo(clone, "checkout", "--", "data/out").stderr.count(PLACED) == 1


def test_payload_that_follows_a_pull_names_them(linked: Shell, pair: Pair) -> None:
    linked.commit("code.py", "1\n")
    linked.git("push", "-q")
    clone = pair.clone()
    datmo(clone, "checkout")
    os.symlink("../code.py", linked.cwd / "data" / "up")
    linked.commit("code.py", "2\n")
    linked.git("push", "-q")
    assert clone.run("git", "pull", "-q").stderr.count(f"1 link leads {PLACED}: 'data/up'") == 1


def test_reproduce_names_links_outside_once(linked: Shell) -> None:
    # Nothing says which files the other program reads, so that all of them are placed.
    datmo(
        linked,
        "run",
        "-o",
        "out",
        "--",
        sys.executable,
        "-c",
        "import os; os.system('cat data/file >out')",
    )
    said = datmo(linked, "reproduce", "HEAD", "--engine", "host", "--repeat", "2").stderr
    assert said.count(PLACED) == 1, said
