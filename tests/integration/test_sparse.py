"""Test payloads in sparse checkouts: git may remove their files, and snapshots keep them."""

from __future__ import annotations

import pytest

from tests.support.commands import datmo, experiments, picture, refused, states
from tests.support.shell import Shell


@pytest.fixture
def sparse(repo: Shell) -> Shell:
    """Return a payload in a folder that git tracks, and another folder."""
    repo.commit("src/code.py", "pass\n")
    repo.commit("lib/code.py", "pass\n")
    repo.write("src/data/x", "x")
    repo.write("src/data/sub/y", "y")
    datmo(repo, "add-data", "src/data")
    repo.git("commit", "-q", "--allow-empty", "-m", "data")
    return repo


@pytest.mark.parametrize("index", ["--sparse-index", "--no-sparse-index"])
def test_payload_that_git_takes_away_with_its_folder_comes_back(sparse: Shell, index: str) -> None:
    """Let git remove the ignored files of folders that leave the cone."""
    whole = picture(sparse.cwd / "src" / "data")
    sparse.git("sparse-checkout", "set", "--cone", index, "lib")
    assert states(sparse) == {"src/data": "missing"}
    assert took(sparse, "2 files of 'src/data'")
    refused(
        sparse,
        "run",
        "--",
        "true",
        code=125,
        says=("sparse checkout", "git datmo checkout -- src/data"),
    )
    sparse.git("commit", "-q", "--allow-empty", "-m", "next")
    assert len(experiments(sparse)) == 1
    datmo(sparse, "checkout", "--", "src/data")
    assert not took(sparse, "src/data")
    assert picture(sparse.cwd / "src" / "data") == whole
    sparse.git("sparse-checkout", "disable")
    assert states(sparse) == {"src/data": "unchanged"}
    assert picture(sparse.cwd / "src" / "data") == whole


def took(shell: Shell, what: str) -> bool:
    return f"git's sparse checkout took {what} away" in datmo(shell, "status").stderr


@pytest.fixture
def narrow(repo: Shell) -> Shell:
    """Make a payload in whose folder `data/b` git tracks a file, so that git removes the whole
    folder."""
    repo.commit("lib/code.py", "pass\n")
    repo.commit("data/b/.gitkeep", "")
    repo.write("data/a/x", "x")
    repo.write("data/b/y", "y")
    (repo.cwd / "data" / "b" / "empty").mkdir()
    datmo(repo, "add-data", "data")
    repo.git("commit", "-q", "--allow-empty", "-m", "data")
    repo.git("sparse-checkout", "set", "--cone", "lib", "data/a")
    assert not (repo.cwd / "data" / "b").exists()
    return repo


def test_files_that_git_takes_away_are_in_later_snapshots(narrow: Shell) -> None:
    assert took(narrow, "1 file of 'data'")
    assert states(narrow) == {"data": "missing"}
    narrow.write("data/a/x", "2")
    assert states(narrow) == {"data": "modified"}
    narrow.git("commit", "-q", "--allow-empty", "-m", "next")
    first, second = (each["payloads"][0] for each in experiments(narrow))
    assert (first["files"], second["files"]) == (2, 2)
    assert first["object"] != second["object"]
    assert_is_back(narrow)


def test_files_that_git_takes_away_come_back_when_asked_for(narrow: Shell) -> None:
    narrow.git("commit", "-q", "--allow-empty", "-m", "next")
    assert len(experiments(narrow)) == 1
    datmo(narrow, "checkout", "--", "data")
    assert_is_back(narrow)


def assert_is_back(shell: Shell) -> None:
    """Check that the removed files are back, without a message."""
    assert (shell.cwd / "data" / "b" / "y").read_text() == "y"
    assert (shell.cwd / "data" / "b" / "empty").is_dir()
    assert states(shell) == {"data": "unchanged"}
    assert "sparse" not in datmo(shell, "status").stderr


def test_file_that_a_person_deletes_beside_a_sparse_checkout_is_deleted(narrow: Shell) -> None:
    datmo(narrow, "checkout", "--", "data")
    (narrow.cwd / "data" / "b" / "y").unlink()
    (narrow.cwd / "data" / "a" / "x").unlink()
    narrow.write("data/a/z", "z")
    datmo(narrow, "snapshot")
    assert experiments(narrow)[0]["payloads"][0]["files"] == 1


def test_whole_payload_that_git_takes_away_stays_beside_one_that_changes(sparse: Shell) -> None:
    sparse.write("own/z", "z")
    datmo(sparse, "add-model", "own")
    sparse.git("sparse-checkout", "set", "--cone", "lib")
    sparse.git("commit", "-q", "--allow-empty", "-m", "next")
    assert [each["path"] for each in experiments(sparse)[0]["payloads"]] == ["own", "src/data"]
    datmo(sparse, "snapshot")
    assert [each["files"] for each in experiments(sparse)[0]["payloads"]] == [1, 2]


def test_payload_outside_of_patterns_stays(sparse: Shell) -> None:
    whole = picture(sparse.cwd / "src" / "data")
    sparse.git("sparse-checkout", "set", "--no-cone", "/lib/*")
    assert picture(sparse.cwd / "src" / "data") == whole
    assert states(sparse) == {"src/data": "unchanged"}
    sparse.write("src/data/z", "z")
    datmo(sparse, "snapshot")
    sparse.git("sparse-checkout", "disable")
    assert states(sparse) == {"src/data": "unchanged"}
