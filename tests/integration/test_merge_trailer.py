"""Test the trailer of a merge commit that unites the data of both sides."""

from __future__ import annotations

import pytest

from git_datmo.records.data_id import parse_trailers
from tests.support.commands import datmo, experiments, refused
from tests.support.independent_records import data_id
from tests.support.pair import Pair
from tests.support.shell import Shell


@pytest.fixture
def forked(repo: Shell) -> Shell:
    """Return branches `main` and `side` with different changes to one payload; `main` is checked
    out."""
    repo.write("data/x", "0")
    datmo(repo, "add-data", "data")
    repo.commit("first.py", "")
    repo.git("checkout", "-q", "-b", "side")
    repo.write("data/s", "side")
    repo.commit("side.py", "")
    repo.git("checkout", "-q", "main")
    repo.write("data/m", "main")
    repo.commit("main.py", "")
    return repo


def trailers(shell: Shell) -> tuple[str, ...]:
    return parse_trailers(shell.git("log", "-1", "--format=%B"))


def names_its_snapshot(shell: Shell, files: int) -> bool:
    """Return whether HEAD is a merge whose trailer names the payloads of its own snapshot, of
    `files` files."""
    newest = experiments(shell)[0]
    assert newest["commit"] == shell.git("rev-parse", "HEAD")
    assert len(shell.git("log", "-1", "--format=%P").split()) == 2
    assert newest["payloads"][0]["files"] == files
    return trailers(shell) == (data_id(newest["payloads"]),)


@pytest.mark.parametrize("editor", [":", "true"])
def test_merge_that_unites_data_names_them(forked: Shell, editor: str) -> None:
    edit = "--no-edit" if editor == ":" else "--edit"
    forked.having(GIT_EDITOR=editor).git("merge", "-q", edit, "side")
    assert names_its_snapshot(forked, 3)


def test_merge_beside_a_modified_file_names_what_its_snapshot_has(forked: Shell) -> None:
    forked.write("data/x", "modified")
    forked.git("merge", "-q", "--no-edit", "side")
    assert names_its_snapshot(forked, 3)
    assert (forked.cwd / "data" / "x").read_text() == "modified"


def test_merge_that_git_commit_concludes_names_the_united_data(forked: Shell) -> None:
    forked.git("merge", "-q", "--no-commit", "--no-edit", "side")
    forked.git("commit", "-q", "--no-edit")
    assert names_its_snapshot(forked, 3)


def test_merge_that_git_commit_concludes_names_data_changed_on_one_side_alone(
    forked: Shell,
) -> None:
    forked.git("checkout", "-q", "-b", "code", "HEAD~1")
    forked.commit("code.py", "2\n")
    forked.git("checkout", "-q", "main")
    forked.git("merge", "-q", "--no-commit", "code")
    forked.write("data/x", "2")
    forked.git("commit", "-q", "--no-edit")
    assert names_its_snapshot(forked, 2)


def test_merge_that_a_person_has_to_decide_gets_no_trailer(forked: Shell) -> None:
    forked.write("data/s", "other")
    forked.commit("main.py", "2\n")
    forked.git("merge", "-q", "--no-edit", "side")
    assert trailers(forked) == ()


def test_merge_that_is_given_up_leaves_the_files(forked: Shell) -> None:
    forked.git("merge", "-q", "--no-commit", "side")
    forked.git("merge", "--abort")
    assert not (forked.cwd / "data" / "s").exists()
    assert "unchanged" in datmo(forked, "status").stdout


def test_pull_that_names_refs_names_the_united_data_and_the_receiver_knows(pair: Pair) -> None:
    alex = pair.alex
    alex.write("data/x", "0")
    datmo(alex, "add-data", "data")
    alex.commit("code.py", "1\n")
    alex.git("push", "-q")
    ben = pair.clone("ben")
    datmo(ben, "checkout")
    ben.write("data/b", "b")
    ben.commit("ben.py", "")
    alex.write("data/a", "a")
    alex.commit("alex.py", "")
    alex.git("push", "-q")
    ben.git("pull", "-q", "--no-rebase", "--no-edit", "origin", "main")
    assert names_its_snapshot(ben, 3)
    ben.git("push", "-q", "--no-verify", str(pair.hub.cwd), "HEAD:main")
    pair.top.git("clone", "-q", str(pair.hub.cwd), "ignacio")
    ignacio = pair.top.at("ignacio")
    datmo(ignacio, "init")
    refused(ignacio, "checkout", code=2, says=("they were never shared",))
