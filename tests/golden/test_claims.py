"""Test that git-datmo and section 7.2 of `docs/FORMAT.md` agree on the claims of each example's
commits."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from git_datmo.history.experiments import History
from git_datmo.repository.workspace import open_workspace
from tests.support.commands import datmo
from tests.support.independent_claims import Claimant, Claims
from tests.support.shell import Shell


@pytest.fixture
def repo(make_repo: Callable[..., Shell]) -> Shell:
    """Return a repository whose git copies no notes, with data and a first snapshot on 'main'."""
    made = make_repo()
    made.commit("code.py", "a = 0\n" + "\n" * 20 + "z = 0\n")
    datmo(made, "init")
    made.git("config", "--unset-all", "notes.rewriteRef")
    made.write("data/x", "1")
    datmo(made, "add-data", "data")
    datmo(made, "snapshot", "-m", "first")
    return made


def snapshot(repo: Shell, path: str, text: str = "1\n") -> str:
    """Commit a file, and return the id of a snapshot of the commit."""
    repo.commit(path, text)
    return datmo(repo, "snapshot", "-m", path).stdout.strip()


def rebased(repo: Shell) -> str:
    repo.git("switch", "-q", "-c", "feature")
    made = snapshot(repo, "a.py")
    repo.git("switch", "-q", "main")
    repo.commit("b.py", "1\n")
    repo.git("cherry-pick", "feature")
    return made


def squashed(repo: Shell) -> str:
    repo.git("switch", "-q", "-c", "feature")
    made = snapshot(repo, "a.py")
    repo.commit("b.py", "1\n")
    repo.git("switch", "-q", "main")
    repo.commit("c.py", "1\n")
    repo.git("merge", "-q", "--squash", "feature")
    repo.git("commit", "-q", "-m", "squashed")
    return made


def amended(repo: Shell) -> str:
    made = snapshot(repo, "a.py")
    tree = repo.git("rev-parse", "HEAD^{tree}")
    repo.git("reset", "-q", "--hard", repo.git("commit-tree", "-p", "HEAD~", "-m", "other", tree))
    return made


def emptied(repo: Shell) -> str:
    made = amended(repo)
    tree = repo.git("rev-parse", "HEAD^{tree}")
    repo.git("reset", "-q", "--hard", repo.git("commit-tree", "-p", "HEAD", "-m", "empty", tree))
    return made


def ran_before(repo: Shell) -> str:
    repo.write("code.py", "a = 1\n")
    datmo(repo, "run", "--engine", "host", "-m", "before", "--", "true")
    made = (
        datmo(repo, "log", "--data", "--json", "-n", "1").stdout.split('"id": "')[1].split('"')[0]
    )
    repo.git("commit", "-q", "-a", "-m", "after")
    return made


def reverted(repo: Shell) -> str:
    made = snapshot(repo, "a.py")
    repo.git("revert", "--no-edit", "HEAD")
    return made


def trailed(repo: Shell) -> str:
    repo.git("switch", "-q", "-c", "feature")
    repo.write("data/x", "2")
    repo.commit("a.py", "1\n")
    message = repo.git("log", "-1", "--format=%B")
    assert "Datmo-Data: " in message
    made = (
        datmo(repo, "log", "--data", "--json", "-n", "1").stdout.split('"id": "')[1].split('"')[0]
    )
    tree = repo.git("rev-parse", "HEAD^{tree}")
    other = repo.git(
        "mktree", stdin=repo.run("git", "ls-tree", tree).stdout.replace("a.py", "moved.py").encode()
    )
    repo.git("switch", "-q", "main")
    repo.git(
        "reset",
        "-q",
        "--hard",
        repo.git("commit-tree", "-p", "HEAD", "-m", f"squash\n\n  {message}", other),
    )
    return made


WAYS: dict[str, tuple[Callable[[Shell], str], str]] = {
    "rebased": (rebased, "patch"),
    "squashed": (squashed, "range"),
    "amended": (amended, "tree"),
    "an empty commit": (emptied, ""),
    "run before the commit": (ran_before, "code"),
    "reverted": (reverted, ""),
    "squashed with its trailer": (trailed, "trailer"),
}


@pytest.mark.parametrize(("make", "way"), WAYS.values(), ids=WAYS.keys())
def test_commit_claims_match_the_page(repo: Shell, make: Callable[[Shell], str], way: str) -> None:
    made = make(repo)
    claimant, head = Claimant(repo), repo.git("rev-parse", "HEAD")
    history = set(repo.git("rev-list", "HEAD").split())
    with open_workspace(repo.env, repo.cwd) as ws:
        found = History(ws)
        claimed: Claims = {
            claim.row.record: claim.way for claim in found.claimed(found.commit("HEAD"))
        }
        data = list(found.data(found.commit("HEAD").oid).ids)
    assert claimant.claims(head, history) == claimed
    assert claimed.get(made, "") == way
    assert claimant.data(head) == data
