"""Test that files which were added and then deleted come back, as from git's index."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.commands import datmo, picture, refused, states
from tests.support.pair import Pair
from tests.support.shell import Shell


@pytest.fixture
def added(repo: Shell) -> Shell:
    """Return a repository with one snapshot, and a newer version that was only added."""
    repo.write("data/1", "1")
    repo.write("data/sub/2", "2")
    datmo(repo, "add-data", "data")
    repo.git("commit", "-q", "--allow-empty", "-m", "one")
    repo.write("data/sub/labels", "a week of labelling")
    (Path(repo.cwd) / "data" / "empty").mkdir()
    datmo(repo, "add-data", "data")
    return repo


def test_payload_that_was_added_and_deleted_comes_back(added: Shell) -> None:
    whole = picture(added.cwd / "data")
    added.git("clean", "-qfdx")
    assert states(added) == {"data": "missing"}
    refused(added, "checkout", says=("no snapshot has", "git datmo checkout -- data"))
    refused(added, "snapshot", says=("is missing", "git datmo checkout -- data"))
    datmo(added, "checkout", "--", "data")
    assert picture(added.cwd / "data") == whole
    assert states(added) == {"data": "unchanged"}
    datmo(added, "snapshot")


@pytest.mark.parametrize("path", ["data/sub/labels", "data/sub", "data", "."])
def test_part_that_was_added_and_deleted_comes_back(added: Shell, path: str) -> None:
    whole = picture(added.cwd / "data")
    shutil.rmtree(added.cwd / "data" / "sub")
    (added.cwd / "data" / "empty").rmdir()
    added.write("data/unknown", "mine")
    datmo(added, "checkout", "--", path)
    # Only the named path is restored, and no other file of the folder above it.
    wanted = {b"unknown": ("file", b"mine"), **whole}
    if path.startswith("data/"):
        del wanted[b"empty"]
    if path == "data/sub/labels":
        del wanted[b"sub/2"]
    assert picture(added.cwd / "data") == wanted


def test_modified_file_is_restored_by_force_alone(added: Shell) -> None:
    added.write("data/sub/labels", "spoilt")
    (added.cwd / "data" / "1").unlink()
    refused(
        added, "checkout", "--", "data", says=("1 file would be overwritten: 'data/sub/labels'",)
    )
    assert not (added.cwd / "data" / "1").exists()
    datmo(added, "checkout", "--force", "--", "data")
    assert (added.cwd / "data" / "sub" / "labels").read_text() == "a week of labelling"
    assert (added.cwd / "data" / "1").read_text() == "1"


def test_revision_takes_the_snapshot_and_no_revision_what_was_added(added: Shell) -> None:
    (added.cwd / "data" / "1").write_text("one")
    datmo(added, "add-data", "data")
    datmo(added, "checkout", "HEAD", "--", "data/1")
    assert (added.cwd / "data" / "1").read_text() == "1"
    # Restored content counts as the content that was added last.
    (added.cwd / "data" / "1").unlink()
    datmo(added, "checkout", "--", "data/1")
    assert (added.cwd / "data" / "1").read_text() == "1"


def test_restore_of_path_never_added_is_refused_with_hint(added: Shell) -> None:
    (added.cwd / "data" / "1").unlink()
    datmo(added, "add-data", "data")
    refused(
        added,
        "checkout",
        "--",
        "data/1",
        says=("not in the payload", "git datmo checkout REV -- data/1"),
    )
    datmo(added, "checkout", "HEAD", "--", "data/1")
    assert (added.cwd / "data" / "1").read_text() == "1"
    refused(added, "checkout", "--", "nowhere", says=("no payload at 'nowhere'",))


def test_paths_that_were_never_fetched_come_from_the_snapshot_beside_others(pair: Pair) -> None:
    alex = pair.alex
    alex.write("one/x", "x")
    alex.write("two/y", "y")
    datmo(alex, "add-data", "one", "two")
    alex.git("commit", "-q", "--allow-empty", "-m", "data")
    alex.git("push", "-q", "origin", "main")
    ignacio = pair.clone()
    datmo(ignacio, "checkout", "--", "one")
    (ignacio.cwd / "one" / "x").unlink()
    datmo(ignacio, "checkout", "--", ".")
    assert picture(ignacio.cwd / "one") == picture(alex.cwd / "one")
    assert picture(ignacio.cwd / "two") == picture(alex.cwd / "two")


def test_hint_of_a_payload_that_was_left_alone_is_true(added: Shell) -> None:
    datmo(added, "checkout", "--force")
    added.write("more/x", "x")
    datmo(added, "add-data", "more")
    added.git("commit", "-q", "--allow-empty", "-m", "two")
    added.write("data/1", "mine")
    datmo(added, "add-data", "data")
    said = added.run("git", "checkout", "-q", "HEAD~1").stderr
    assert "'data' is modified and was left alone" in said
    assert "git datmo checkout --force HEAD -- data" in said
    datmo(added, "checkout", "--force", "HEAD", "--", "data")
    assert states(added) == {"data": "unchanged"}
    assert "not in a snapshot" not in datmo(added, "status").stdout
