"""Test that `git revert` takes the code back and keeps the data, and prints the commands that take
the data back."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.support.commands import datmo
from tests.support.shell import Shell

KEPT = re.compile(r"warning: the data that commit ([0-9a-f]+) changed were kept: (.*)")


@pytest.fixture
def changed(repo: Shell) -> Shell:
    """Return a repository with two commits that change code and data."""
    repo.write("data/x", "1\n")
    datmo(repo, "add-data", "data")
    repo.commit("code.py", "1\n")
    repo.write("data/x", "2\n")
    repo.commit("code.py", "2\n")
    return repo


def follow_hint(repo: Shell, said: str) -> None:
    """Run all commands that a hint names."""
    found = KEPT.search(said)
    assert found is not None, said
    *commands, last = re.findall(r"'(git datmo [^']*)'", found[2])
    for command in commands:
        datmo(repo, *shlex.split(command)[2:])
    assert last == "git datmo commit"
    datmo(repo, "commit", "-m", "data back")


def test_revert_names_the_commands_that_take_the_data_back(changed: Shell) -> None:
    reverted = changed.git("rev-parse", "HEAD")
    said = changed.run("git", "revert", "--no-edit", "HEAD").stderr
    found = KEPT.search(said)
    assert found is not None, said
    assert reverted.startswith(found[1])
    assert (changed.cwd / "data" / "x").read_text() == "2\n"
    follow_hint(changed, said)
    assert (changed.cwd / "data" / "x").read_text() == "1\n"
    document = datmo(changed, "status", "--json").stdout
    assert '"in_snapshot": true' in document
    assert '"differs": false' in document


def test_revert_of_an_added_payload_names_rm(changed: Shell) -> None:
    changed.write("more/y", "1\n")
    datmo(changed, "add-data", "more")
    changed.commit("code.py", "3\n")
    follow_hint(changed, changed.run("git", "revert", "--no-edit", "HEAD").stderr)
    assert "more" not in datmo(changed, "status").stdout


def test_revert_of_a_merge_goes_back_to_the_parent_that_is_kept(changed: Shell) -> None:
    changed.git("checkout", "-q", "-b", "side")
    changed.write("data/y", "side\n")
    changed.commit("side.py", "1\n")
    changed.git("checkout", "-q", "main")
    changed.commit("main.py", "1\n")
    changed.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    assert (changed.cwd / "data" / "y").exists()
    follow_hint(changed, changed.run("git", "revert", "--no-edit", "-m", "1", "HEAD").stderr)
    assert not (changed.cwd / "data" / "y").exists()


def test_revert_of_a_commit_without_data_is_silent(changed: Shell) -> None:
    changed.commit("code.py", "3\n")
    assert "kept" not in changed.run("git", "revert", "--no-edit", "HEAD").stderr
