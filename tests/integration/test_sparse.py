"""Payloads in sparse checkouts: git may take their files away, but never out of a snapshot."""

from __future__ import annotations

import pytest

from tests.integration.team import datmo, experiments, picture, refused, states
from tests.servers.shell import Shell


@pytest.fixture
def sparse(repo: Shell) -> Shell:
    """A payload in a folder that git tracks, and another folder."""
    repo.commit("src/code.py", "pass\n")
    repo.commit("lib/code.py", "pass\n")
    repo.write("src/data/x", "x")
    repo.write("src/data/sub/y", "y")
    datmo(repo, "add-data", "src/data")
    repo.git("commit", "-q", "--allow-empty", "-m", "data")
    return repo


@pytest.mark.parametrize("index", ["--sparse-index", "--no-sparse-index"])
def test_payload_that_git_takes_away_with_its_folder_comes_back(sparse: Shell, index: str) -> None:
    """Git removes ignored files of folders that leave the cone."""
    whole = picture(sparse.cwd / "src" / "data")
    sparse.git("sparse-checkout", "set", "--cone", index, "lib")
    assert states(sparse) == {"src/data": "missing"}
    refused(sparse, "snapshot", says=("is missing", "git datmo checkout -- src/data"))
    sparse.git("commit", "-q", "--allow-empty", "-m", "next")
    assert len(experiments(sparse)) == 1
    datmo(sparse, "checkout", "--", "src/data")
    assert picture(sparse.cwd / "src" / "data") == whole
    sparse.git("sparse-checkout", "disable")
    assert states(sparse) == {"src/data": "unchanged"}
    assert picture(sparse.cwd / "src" / "data") == whole


def test_payload_outside_of_patterns_stays(sparse: Shell) -> None:
    whole = picture(sparse.cwd / "src" / "data")
    sparse.git("sparse-checkout", "set", "--no-cone", "/lib/*")
    assert picture(sparse.cwd / "src" / "data") == whole
    assert states(sparse) == {"src/data": "unchanged"}
    sparse.write("src/data/z", "z")
    datmo(sparse, "snapshot")
    sparse.git("sparse-checkout", "disable")
    assert states(sparse) == {"src/data": "unchanged"}
