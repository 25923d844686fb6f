"""Find contracts of a working tree and of commits."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from git_datmo.contract_checks.contract_files import (
    CommittedContracts,
    find_contracts,
    worktree_contracts,
)
from git_datmo.errors import DatmoError
from git_datmo.repository.workspace import Workspace, open_workspace
from tests.support.contract_texts import FACES, MODEL
from tests.support.shell import Shell


@pytest.fixture
def repo(make_repo: Callable[..., Shell]) -> Shell:
    """Make a repository with two contracts in its first commit."""
    repo = make_repo()
    folder = repo.cwd / "contracts"
    folder.mkdir()
    (folder / "faces.odcs.yaml").write_text(FACES)
    (folder / "emotion.odcs.yaml").write_text(MODEL)
    (folder / "README.md").write_text("no contract")
    repo.git("add", "contracts")
    repo.git("commit", "-qm", "Add contracts")
    return repo


def open_in(repo: Shell) -> Workspace:
    """Open the repository of a shell."""
    return open_workspace(repo.env, repo.cwd)


def test_contracts_of_working_tree_are_found_by_their_suffix(repo: Shell) -> None:
    with open_in(repo) as ws:
        assert [one.name for one in find_contracts(ws)] == ["emotion", "faces"]


def test_link_and_pipe_among_contracts_are_passed_over(repo: Shell) -> None:
    (repo.cwd / "contracts/link.odcs.yaml").symlink_to("/etc/passwd")
    os.mkfifo(repo.cwd / "contracts/pipe.odcs.yaml")
    with open_in(repo) as ws:
        assert len(find_contracts(ws)) == 2


def test_invalid_contract_of_working_tree_is_refused_or_listed(repo: Shell) -> None:
    Path(repo.cwd / "contracts/bad.odcs.yaml").write_text("kind: x\n")
    with open_in(repo) as ws:
        with pytest.raises(DatmoError, match="'kind' is not DataContract"):
            find_contracts(ws)
        problems = [found.problem for found in worktree_contracts(ws)]
    assert problems[0] == "invalid contract contracts/bad.odcs.yaml:1: 'kind' is not DataContract"
    assert problems[1:] == ["", ""]


def test_contracts_of_commit_are_those_of_its_tree(repo: Shell) -> None:
    first = repo.git("rev-parse", "HEAD").strip()
    repo.git("rm", "-q", "contracts/emotion.odcs.yaml")
    repo.git("commit", "-qm", "Remove the model")
    with open_in(repo) as ws:
        committed = CommittedContracts(ws.odb)
        assert [found.name for found in committed.of(first)] == ["emotion", "faces"]
        assert [found.name for found in committed.of("HEAD")] == ["faces"]
        assert committed.of(first)[1] is committed.of("HEAD")[0]
        assert committed.of("HEAD:contracts") == ()
