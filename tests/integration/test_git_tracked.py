"""Test files under a payload's path that git tracks in some commit, and commits without data."""

from __future__ import annotations

import shutil

import pytest

from tests.support.commands import datmo, experiments, picture, states
from tests.support.pair import Pair
from tests.support.shell import Shell


@pytest.fixture
def moved(repo: Shell) -> Shell:
    """Return a repository in which `data` was in git (tag `old`) and then became a payload
    (`main`)."""
    for number in (1, 2, 3):
        repo.write(f"data/{number}.csv", f"{number}")
    repo.git("add", "data")
    repo.git("commit", "-qm", "data in git")
    repo.git("tag", "old")
    repo.git("rm", "-rq", "--cached", "data")
    repo.git("commit", "-qm", "no longer in git")
    repo.write("data/2.csv", "two")
    repo.write("data/sub/4.csv", "4")
    datmo(repo, "add-data", "data")
    repo.git("commit", "-q", "--allow-empty", "-m", "data as a payload")
    return repo


def test_payload_is_whole_after_a_visit_to_a_commit_in_which_git_has_it(moved: Shell) -> None:
    whole = picture(moved.cwd / "data")
    said = moved.run("git", "checkout", "-q", "old").stderr
    assert "no commit up to HEAD has data" in said
    assert set(picture(moved.cwd / "data")) == {b"", b"1.csv", b"2.csv", b"3.csv"}
    assert (moved.cwd / "data" / "2.csv").read_text() == "2"
    assert moved.git("status", "--short") == ""
    assert states(moved) == {}
    moved.git("checkout", "-q", "main")
    assert picture(moved.cwd / "data") == whole
    assert states(moved) == {"data": "unchanged"}
    moved.git("commit", "-q", "--allow-empty", "-m", "next")
    assert len(experiments(moved)) == 1


def test_modified_payload_gets_back_what_git_took_away(moved: Shell) -> None:
    whole = picture(moved.cwd / "data")
    moved.write("data/sub/4.csv", "four")
    said = moved.run("git", "checkout", "-q", "old").stderr
    assert "'data' is modified and was left alone" in said
    # Nor is git's version a change of the payload.
    datmo(moved, "add-data", "data", ok=False)
    said = moved.run("git", "checkout", "-q", "main").stderr
    assert "restored files that git removed and no longer tracks" in said
    assert picture(moved.cwd / "data") == whole | {b"sub/4.csv": ("file", b"four")}
    moved.git("commit", "-q", "--allow-empty", "-m", "next")
    assert experiments(moved)[0]["payloads"][0]["files"] == 4


def test_commit_on_branch_without_data_makes_no_snapshot(moved: Shell) -> None:
    moved.git("checkout", "-q", "-b", "past", "old")
    moved.write("code.py", "past\n")
    moved.git("commit", "-qam", "past")
    assert experiments(moved) == []
    moved.git("checkout", "-q", "main")
    assert states(moved) == {"data": "unchanged"}


def test_payload_files_in_git_index_are_named_with_hint(moved: Shell) -> None:
    whole = picture(moved.cwd / "data")
    moved.git("checkout", "-q", "-b", "mistake")
    moved.git("add", "-f", "data/1.csv", "data/2.csv")
    moved.git("commit", "-qm", "mistake")
    moved.write("data/sub/5.csv", "5")
    said = datmo(moved, "snapshot").stderr
    assert "git's index has 2 files of the payload 'data' ('data/1.csv', 'data/2.csv')" in said
    assert "'git rm -r --cached -- data' removes them from it" in datmo(moved, "status").stderr
    # Git takes its files away on the way to a branch without them.
    moved.git("checkout", "-q", "main")
    assert picture(moved.cwd / "data") == whole
    moved.git("checkout", "-q", "mistake")
    assert states(moved) == {"data": "not fetched"}
    moved.git("rm", "-rq", "--cached", "--", "data")
    moved.git("commit", "-qm", "out of git")
    assert "index" not in datmo(moved, "status").stderr
    datmo(moved, "checkout")
    assert picture(moved.cwd / "data") == whole | {b"sub/5.csv": ("file", b"5")}
    assert states(moved) == {"data": "unchanged"}


def test_folder_of_which_git_has_a_part_is_not_taken_for_a_new_one(moved: Shell) -> None:
    moved.write("data/new/code.py", "pass\n")
    moved.write("data/new/x.csv", "x")
    moved.git("add", "-f", "data/new/code.py")
    moved.git("commit", "-qm", "code in data")
    files = datmo(moved, "status", "--json").stdout
    assert '"files": 5' in files
    (payload,) = experiments(moved)[0]["payloads"]
    stored = moved.git(
        "--git-dir=.git/datmo/store.git", "ls-tree", "-r", "--name-only", payload["object"]
    )
    assert stored.split() == ["1.csv", "2.csv", "3.csv", "new/x.csv", "sub/4.csv"]


def test_branch_whose_snapshots_were_all_dropped_has_no_data(repo: Shell) -> None:
    repo.git("branch", "other")
    repo.write("data/x", "x")
    repo.write("mine/x", "x")
    datmo(repo, "add-data", "data")
    repo.git("commit", "-q", "--allow-empty", "-m", "data")
    repo.git("checkout", "-q", "other")
    assert not (repo.cwd / "data").exists()
    repo.write("others/x", "x")
    datmo(repo, "add-data", "others")
    repo.git("commit", "-q", "--allow-empty", "-m", "others")
    dropped = str(experiments(repo)[0]["id"])
    repo.git("checkout", "-q", "main")
    assert set(states(repo)) == {"data"}
    datmo(repo, "drop", dropped)
    datmo(repo, "add-data", "mine")
    said = repo.run("git", "checkout", "-q", "other").stderr
    assert "no commit up to HEAD has data" in said
    assert "removed 'data'" in said
    # Files without a snapshot stay.
    assert states(repo) == {"mine": "unchanged"}
    assert "no commit up to 'HEAD' has data" in datmo(repo, "checkout", code=128).stderr
    repo.git("checkout", "-q", "main")
    assert states(repo) == {"data": "unchanged", "mine": "unchanged"}


def test_working_tree_of_a_dropped_snapshot_keeps_its_data(repo: Shell) -> None:
    repo.git("branch", "other")
    repo.write("data/x", "x")
    datmo(repo, "add-data", "data")
    repo.git("commit", "-q", "--allow-empty", "-m", "data")
    datmo(repo, "drop", str(experiments(repo)[0]["id"]))
    repo.git("checkout", "-q", "other")
    assert (repo.cwd / "data" / "x").read_text() == "x"


def test_payload_that_was_never_fetched_is_not_after_a_visit_either(pair: Pair) -> None:
    alex = pair.alex
    alex.git("branch", "before")
    for path in ("large/x", "small/x"):
        alex.write(path, path)
    datmo(alex, "add-data", "large", "small")
    alex.git("commit", "-q", "--allow-empty", "-m", "data")
    alex.git("push", "-q", "origin", "main", "before")
    ignacio = pair.clone()
    ignacio.git("checkout", "-q", "before")
    ignacio.git("checkout", "-q", "main")
    assert states(ignacio) == {"large": "not fetched", "small": "not fetched"}
    datmo(ignacio, "checkout", "--", "small")
    ignacio.git("checkout", "-q", "before")
    assert not (ignacio.cwd / "small").exists()
    ignacio.git("checkout", "-q", "main")
    assert states(ignacio) == {"large": "not fetched", "small": "unchanged"}


def test_rebase_onto_a_commit_without_data_keeps_them(repo: Shell) -> None:
    repo.git("branch", "base")
    repo.commit("other.py", "pass\n")
    repo.write("data/x", "x")
    datmo(repo, "add-data", "data")
    repo.commit("more.py", "pass\n")
    whole = picture(repo.cwd / "data")
    repo.git("checkout", "-q", "base")
    repo.commit("base.py", "pass\n")
    repo.git("checkout", "-q", "main")
    repo.git("rebase", "-q", "base")
    assert picture(repo.cwd / "data") == whole
    assert states(repo) == {"data": "unchanged"}
    assert "not in a snapshot" not in datmo(repo, "status").stdout
    shutil.rmtree(repo.cwd / "data")
    datmo(repo, "checkout")
    assert picture(repo.cwd / "data") == whole


def test_client_without_hooks_takes_nothing_away_either(moved: Shell) -> None:
    whole = picture(moved.cwd / "data")
    # The reflog's times are later than that of the last command of git-datmo.
    client = moved.having(GIT_COMMITTER_DATE="2090-01-01T12:00:00+0000")
    for revision in ("old", "main"):
        client.git("-c", "core.hooksPath=/dev/null", "checkout", "-q", revision)
    assert not (moved.cwd / "data" / "1.csv").exists()
    (moved.cwd / "data" / "sub" / "4.csv").unlink()
    moved.git("commit", "-q", "--allow-empty", "-m", "next")
    del whole[b"sub/4.csv"], whole[b"sub"]
    shutil.rmtree(moved.cwd / "data" / "sub")
    assert picture(moved.cwd / "data") == whole
    assert experiments(moved)[0]["payloads"][0]["files"] == 3
