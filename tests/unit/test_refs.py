"""Test that refs change together, from the values that were read, or not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from git_datmo.errors import GitFailed
from git_datmo.git.command import Git
from git_datmo.git.refs import RefChange, RefMoved, change_refs, read_ref, read_refs
from git_datmo.model import FORMATS, Oid
from tests.support.shell import Shell

A, B = "refs/datmo/a", "refs/datmo/b"


@pytest.fixture(params=sorted(FORMATS))
def repo(request: pytest.FixtureRequest, make_repo: Callable[..., Shell]) -> Shell:
    return make_repo("repo.git", bare=True, object_format=request.param)


@pytest.fixture
def git(repo: Shell) -> Git:
    return Git(repo.env, repo.cwd)


@pytest.fixture
def blobs(repo: Shell) -> tuple[Oid, Oid, Oid]:
    one, two, three = (
        Oid.parse(repo.git("hash-object", "-w", "--stdin", stdin=text))
        for text in (b"1", b"2", b"3")
    )
    return one, two, three


def test_ref_is_made_moved_and_deleted(git: Git, blobs: tuple[Oid, Oid, Oid]) -> None:
    one, two, _ = blobs
    assert read_ref(git, A) is None
    change_refs(git, [RefChange(A, None, one)], why="test")
    assert read_ref(git, A) == one
    change_refs(git, [RefChange(A, one, two)], why="test")
    assert read_refs(git, "refs/datmo/") == {A: two}
    change_refs(git, [RefChange(A, two, None)], why="test")
    assert read_refs(git) == {}


@pytest.mark.parametrize(
    "stale", ["made meanwhile", "moved meanwhile", "deleted meanwhile", "deleted by two"]
)
def test_ref_that_is_not_what_was_read_stays(
    git: Git, blobs: tuple[Oid, Oid, Oid], stale: str
) -> None:
    one, two, three = blobs
    if stale != "deleted meanwhile":
        change_refs(git, [RefChange(A, None, one)], why="test")
    before = read_refs(git)
    change = {
        "made meanwhile": RefChange(A, None, two),
        "moved meanwhile": RefChange(A, three, two),
        "deleted meanwhile": RefChange(A, one, two),
        "deleted by two": RefChange(A, three, None),
    }[stale]
    with pytest.raises(RefMoved):
        change_refs(git, [change], why="test")
    assert read_refs(git) == before


@pytest.mark.parametrize("first", [True, False])
def test_ref_changes_are_made_all_or_none(
    git: Git, blobs: tuple[Oid, Oid, Oid], first: bool
) -> None:
    one, two, three = blobs
    change_refs(git, [RefChange(A, None, one), RefChange(B, None, one)], why="test")
    changes = [RefChange(A, one, two), RefChange(B, three, two)]
    with pytest.raises(RefMoved):
        change_refs(git, changes if first else changes[::-1], why="test")
    assert read_refs(git) == {A: one, B: one}


def test_ref_that_another_process_holds_counts_as_moved(
    repo: Shell, git: Git, blobs: tuple[Oid, Oid, Oid]
) -> None:
    one, two, _ = blobs
    change_refs(git, [RefChange(A, None, one)], why="test")
    lock = repo.cwd / f"{A}.lock"
    lock.write_text("")
    with pytest.raises(RefMoved):
        change_refs(git, [RefChange(A, one, two)], why="test")
    lock.unlink()
    change_refs(git, [RefChange(A, one, two)], why="test")
    assert read_ref(git, A) == two


def test_invalid_ref_update_is_not_taken_for_a_race(git: Git, blobs: tuple[Oid, Oid, Oid]) -> None:
    one, two, _ = blobs
    with pytest.raises(GitFailed):
        change_refs(git, [RefChange("refs/datmo/bad..name", None, one)], why="test")
    absent = Oid(bytes(reversed(two)))
    with pytest.raises(GitFailed):
        change_refs(git, [RefChange(A, None, absent)], why="test")
    assert read_refs(git) == {}


def test_names_with_blanks_or_quotes_do_not_break_a_transaction(
    git: Git, blobs: tuple[Oid, Oid, Oid]
) -> None:
    one, two, _ = blobs
    odd = "refs/datmo/a\"b'\u00e4$(x)"
    change_refs(git, [RefChange(odd, None, one), RefChange(A, None, two)], why="odd\nwhy")
    assert read_refs(git) == {odd: one, A: two}


def test_refs_are_read_below_a_prefix_alone(git: Git, blobs: tuple[Oid, Oid, Oid]) -> None:
    one, two, three = blobs
    wanted = {A: one, "refs/datmo-remotes/origin/records": two, "refs/notes/datmo": three}
    change_refs(git, [RefChange(ref, None, oid) for ref, oid in wanted.items()], why="test")
    assert read_refs(git, "refs/datmo/") == {A: one}
    assert read_refs(git, "refs/datmo-remotes/", "refs/notes/") == {
        k: v for k, v in wanted.items() if k != A
    }
    assert read_refs(git) == wanted
