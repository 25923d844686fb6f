"""Test that experiments are found again after every rewrite of history, by proof and never by
guess."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.commands import datmo, experiments, refused
from tests.support.pair import Pair
from tests.support.shell import Shell

LATER = "2090-01-01T12:00:00+0000"


def start(pair: Pair) -> Shell:
    """Share a payload and its first snapshot on main."""
    alex = pair.alex
    alex.write("data/one", "1")
    datmo(alex, "add-data", "data")
    alex.commit("code.py", "a = 0\n" + "\n" * 20 + "z = 0\n", "start")
    alex.git("push", "-q", "origin", "main")
    return alex


def experiment(shell: Shell, path: str, text: str) -> str:
    """Make a commit and a snapshot of it; return the snapshot's id."""
    shell.commit(path, text)
    return datmo(shell, "snapshot", "-m", f"{path} {text}").stdout.strip()


def branch(alex: Shell) -> tuple[str, str]:
    """Make two experiments on a branch of their own."""
    alex.git("switch", "-q", "-c", "feature")
    made = experiment(alex, "a.py", "1"), experiment(alex, "b.py", "2")
    alex.commit("c.py", "3")
    return made


def ways(shell: Shell, *words: str) -> dict[str, tuple[str, str]]:
    """Return how each experiment was found, and on which commit."""
    return {each["id"]: (each["found_by"], each["found_on"]) for each in experiments(shell, *words)}


def head(shell: Shell, name: str = "HEAD") -> str:
    return shell.git("rev-parse", name)


def test_notes_survive_amend_rebase_and_fixup(pair: Pair) -> None:
    alex = start(pair)
    one, two = branch(alex)
    alex.git("reset", "-q", "--hard", "HEAD~1")
    before = len(experiments(alex))
    alex.git("commit", "-q", "--amend", "-m", "said better")
    assert ways(alex)[two] == ("note", head(alex))
    alex.git("switch", "-q", "main")
    alex.commit("main.py", "meanwhile")
    alex.git("switch", "-q", "feature")
    alex.git("rebase", "-q", "main")
    assert ways(alex)[two] == ("note", head(alex))
    assert ways(alex)[one] == ("note", head(alex, "HEAD~1"))
    alex.having(GIT_SEQUENCE_EDITOR="sed -i '2s/pick/fixup/'").git("rebase", "-q", "-i", "main")
    assert ways(alex)[one] == ways(alex)[two] == ("note", head(alex))
    assert len(experiments(alex)) == before, "none of it made another snapshot"
    # Other programs rewrite, too, and take no notes along.
    alex.git("notes", "--ref=datmo", "remove", head(alex))
    assert ways(alex)[one] == ways(alex)[two] == ("range", head(alex))


def test_cherry_pick_has_the_experiment_of_its_patch(pair: Pair) -> None:
    alex = start(pair)
    one, two = branch(alex)
    alex.git("switch", "-q", "main")
    alex.commit("main.py", "meanwhile")
    alex.git("cherry-pick", "feature~2")
    found = ways(alex)
    assert found[one] == ("patch", head(alex))
    assert two not in found
    text = datmo(alex, "log").stdout
    assert f"found by its change, made at commit {head(alex, 'feature~2')[:10]}" in text
    assert datmo(alex, "show").stdout.count(one) == 1


def test_change_reverted_and_made_again_keeps_its_experiment(pair: Pair) -> None:
    alex = start(pair)
    one = experiment(alex, "a.py", "1")
    made = head(alex)
    alex.git("revert", "--no-edit", "HEAD")
    reverted = head(alex)
    alex.commit("b.py", "between")
    alex.git("revert", "--no-edit", reverted)
    assert ways(alex)[one] == ("note", made), "the log has it where it was made"
    assert one in datmo(alex, "show", "--json").stdout
    assert one not in datmo(alex, "show", reverted, "--json").stdout


@pytest.mark.parametrize("meanwhile", [False, True], ids=["up to date", "rebased"])
def test_squash_merge_has_the_experiments_of_the_branch(pair: Pair, meanwhile: bool) -> None:
    alex = start(pair)
    one, two = branch(alex)
    alex.git("switch", "-q", "main")
    if meanwhile:
        alex.commit("main.py", "meanwhile")
    alex.git("merge", "-q", "--squash", "feature")
    alex.git("commit", "-q", "-m", "all of it at once")
    for kept in (True, False):
        if not kept:
            alex.git("branch", "-q", "-D", "feature")
        found = ways(alex)
        assert found[one] == found[two] == ("range", head(alex)), kept
        assert "found by the change of its branch" in datmo(alex, "log").stdout
    assert datmo(alex, "log", "--data", "-n", "1", "--json").stdout.count(two) == 1
    alex.commit("later.py", "")
    assert ways(alex)[two] == ("range", head(alex, "HEAD~1")), "and so it stays"


def squash(alex: Shell, tree: str, parent: str) -> str:
    """Squash as a host's button does, without Alex's hooks."""
    made = alex.having(GIT_COMMITTER_DATE=LATER).git(
        "commit-tree", "-p", parent, "-m", "feature (#1)", tree
    )
    alex.git("push", "-q", "--no-verify", "origin", f"{made}:refs/heads/main")
    return made


def test_squash_on_server_is_found_by_clone_without_the_branch(pair: Pair) -> None:
    alex = start(pair)
    _, two = branch(alex)
    alex.git("reset", "-q", "--hard", "HEAD~1")
    alex.write("data/two", "2")
    last = datmo(alex, "snapshot", "-m", "more data").stdout.strip()
    alex.git("push", "-q", "origin", "feature")
    made = squash(alex, head(alex, "feature^{tree}"), head(alex, "main"))
    pair.hub.git("update-ref", "-d", "refs/heads/feature")
    other = pair.clone()
    assert ways(other)[two] == ways(other)[last] == ("tree", made)
    datmo(other, "checkout")
    assert (other.cwd / "data" / "two").read_text() == "2"


def test_squash_on_server_of_outdated_branch_is_found(pair: Pair) -> None:
    alex = start(pair)
    one, two = branch(alex)
    alex.git("push", "-q", "origin", "feature")
    alex.git("switch", "-q", "main")
    alex.commit("main.py", "meanwhile")
    alex.git("push", "-q", "origin", "main")
    alex.git("merge", "-q", "--no-commit", "--squash", "feature")
    made = squash(alex, alex.git("write-tree"), head(alex))
    alex.git("reset", "-q", "--hard")
    alex.git("pull", "-q")
    assert ways(alex)[one] == ways(alex)[two] == ("range", made)


# A snapshot that the commit must not claim.


def test_commit_has_no_later_experiment(pair: Pair) -> None:
    alex = start(pair)
    alex.commit("more.py", "1")
    empty = head(alex)
    alex.git("switch", "-q", "-c", "feature")
    alex.git("commit", "-q", "--allow-empty", "-m", "more data, same code")
    alex.write("data/two", "2")
    later = datmo(alex, "snapshot").stdout.strip()
    alex.git("switch", "-q", "main")
    assert later not in ways(alex)
    assert not (alex.cwd / "data" / "two").exists()
    refused(alex, "show", empty, says=("has no snapshot",))
    assert ways(alex, "feature")[later] == ("note", head(alex, "feature"))
    # Nor does a clone that cannot see the branch think so: the commit is older than the snapshot.
    alex.git("push", "-q", "origin", "main")
    assert later in ways(alex, "feature")
    assert later not in ways(pair.clone())


def test_empty_commits_side_by_side_are_not_each_other(pair: Pair) -> None:
    alex = start(pair)
    alex.git("switch", "-q", "-c", "feature")
    alex.write("data/two", "2")
    alex.git("commit", "-q", "--allow-empty", "-m", "more data")
    there = experiments(alex, "-n", "1")[0]["id"]
    alex.git("switch", "-q", "main")
    alex.git("commit", "-q", "--allow-empty", "-m", "other data to come")
    assert there not in ways(alex)
    assert not (alex.cwd / "data" / "two").exists()


def test_half_of_a_branch_is_not_the_branch(pair: Pair) -> None:
    alex = start(pair)
    one, two = branch(alex)
    alex.git("switch", "-q", "main")
    alex.commit("main.py", "meanwhile")
    alex.commit("a.py", "1 and more")
    alex.commit("b.py", "2")
    found = ways(alex)
    assert one not in found
    assert found[two] == ("patch", head(alex))


def test_cache_of_found_experiments_is_kept_and_rebuilt(pair: Pair) -> None:
    alex = start(pair)
    branch(alex)
    alex.git("switch", "-q", "main")
    alex.git("merge", "-q", "--squash", "feature")
    alex.git("commit", "-q", "-m", "squash")
    found = ways(alex)
    cache = alex.cwd / ".git" / "datmo" / "patches"
    lines: Callable[[], int] = lambda: len(cache.read_text().splitlines())  # noqa: E731
    before = lines()
    assert ways(alex) == found
    assert lines() == before
    cache.write_bytes(cache.read_bytes()[:-30])
    assert ways(alex) == found
    cache.write_bytes(b"\xff\n\0")
    assert ways(alex) == found


# Which data a commit has.


def test_branch_merged_on_server_has_its_data(pair: Pair) -> None:
    alex = start(pair)
    first = datmo(alex, "snapshot").stdout.strip()
    alex.git("switch", "-q", "-c", "feature")
    alex.write("data/two", "2")
    experiment(alex, "a.py", "1")
    alex.git("push", "-q", "origin", "feature")
    alex.git("switch", "-q", "main")
    assert not (alex.cwd / "data" / "two").exists()
    base, tip = head(alex, "main"), head(alex, "feature")
    merge = pair.hub.git("commit-tree", "-p", base, "-p", tip, "-m", "merge", f"{tip}^{{tree}}")
    pair.hub.git("update-ref", "refs/heads/main", merge)
    alex.git("pull", "-q")
    assert (alex.cwd / "data" / "two").read_text() == "2"
    assert first in ways(alex)
