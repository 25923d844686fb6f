"""Test `git datmo init` in repositories that an interrupted one left half set up."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import combinations

import pytest

from tests.support.commands import datmo
from tests.support.shell import Shell

PARTS = ("HEAD", "config", "objects", "refs")
SOME = [found for count in range(4) for found in combinations(PARTS, count)]


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
@pytest.mark.parametrize("left", SOME, ids=" ".join)
def test_init_killed_while_git_makes_the_store_is_finished_by_the_next(
    make_repo: Callable[..., Shell], left: tuple[str, ...], object_format: str
) -> None:
    whole = make_repo("whole.git", bare=True, object_format=object_format)
    repo = make_repo(object_format=object_format)
    repo.commit("code.py", "pass\n")
    store = repo.cwd / ".git" / "datmo" / "store.git"
    store.mkdir(parents=True)
    for name in left:
        copy = shutil.copytree if (whole.cwd / name).is_dir() else shutil.copyfile
        copy(whole.cwd / name, store / name)
    repo.write("data/x", "1\n")
    done = datmo(repo, "add-data", "data", code=128)
    assert "git datmo init" in done.stderr
    datmo(repo, "init")
    datmo(repo, "add-data", "data")
    repo.git("--git-dir", str(store), "fsck", "--strict")
    assert sorted(path.name for path in store.parent.glob("store.git*")) == ["store.git"]


def test_init_over_a_store_that_lost_its_head_keeps_the_objects(repo: Shell) -> None:
    repo.write("data/x", "1\n")
    datmo(repo, "add-data", "data")
    store = repo.cwd / ".git" / "datmo" / "store.git"
    before = repo.git("--git-dir", str(store), "cat-file", "--batch-all-objects", "--batch-check")
    (store / "HEAD").unlink()
    datmo(repo, "init")
    assert before
    assert (
        repo.git("--git-dir", str(store), "cat-file", "--batch-all-objects", "--batch-check")
        == before
    )
