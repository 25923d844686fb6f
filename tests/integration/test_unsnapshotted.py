"""Test that commit and push name changed data without a snapshot, which git does not see."""

from __future__ import annotations

import pytest

from tests.support.commands import datmo
from tests.support.pair import Pair, both_ways
from tests.support.shell import Done, Shell

CHANGES = "changes that no snapshot has"


@pytest.fixture
def tracked(repo: Shell) -> Shell:
    """Return a repository whose data are committed."""
    repo.write("data/x", "1\n")
    datmo(repo, "add-data", "data")
    datmo(repo, "commit", "-m", "first data")
    return repo


def commit(repo: Shell, *words: str, code: int | None = None) -> Done:
    return repo.run("git", "commit", *words, code=code)


def test_commit_that_git_gives_up_names_changed_data(tracked: Shell) -> None:
    tracked.write("data/x", "2\n")
    said = commit(tracked, "-am", "new data", code=1)
    warning = "warning: 'data' has changes that no snapshot has, which git does not see: 'git datmo commit' commits it"
    assert said.stderr.splitlines() == [warning]
    datmo(tracked, "commit", "-m", "new data")
    assert commit(tracked, "-am", "again", code=1).stderr == ""


def test_commit_names_several_payloads_and_counts_the_rest(tracked: Shell) -> None:
    for name in "abcde":
        tracked.write(f"{name}/x", "1\n")
    datmo(tracked, "add-data", *"abcde")
    said = commit(tracked, "-am", "new data", code=1).stderr
    assert said.startswith("warning: 'a', 'b', 'c' and 2 others have changes")
    assert said.endswith("commits them\n")


@pytest.mark.parametrize(
    "words", [("--allow-empty", "-m", "x"), ("--amend", "--no-edit"), ("-am", "code")]
)
def test_commit_that_git_makes_is_silent(tracked: Shell, words: tuple[str, ...]) -> None:
    tracked.commit("code.py", "2\n")
    tracked.write("data/x", "2\n")
    if words == ("-am", "code"):
        tracked.write("code.py", "3\n")
    said = commit(tracked, *words).stderr
    assert CHANGES not in said
    assert "git-datmo: snapshot" in said


def test_commit_without_changed_data_starts_no_interpreter_for_staged_code(tracked: Shell) -> None:
    tracked.write("code.py", "2\n")
    tracked.git("add", "code.py")
    marks = tracked.cwd.parent / "marks"
    program = tracked.cwd.parent / "first" / "git-datmo"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho \"$2\" >>'{marks}'\n")
    program.chmod(0o755)
    spied = tracked.having(PATH=f"{program.parent}:{tracked.env['PATH']}")
    commit(spied, "-m", "code")
    assert "pre-commit" not in marks.read_text().split()
    commit(spied, "-m", "none", code=1)
    assert "pre-commit" in marks.read_text().split()


def test_earlier_hook_that_refuses_decides(tracked: Shell) -> None:
    hook = tracked.cwd / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\necho refused >&2; exit 1\n")
    datmo(tracked, "init")
    tracked.write("code.py", "2\n")
    assert commit(tracked, "-am", "x", code=1).stderr == "refused\n"


@both_ways
def test_push_names_data_that_it_leaves_out(pair: Pair) -> None:
    alex = pair.alex
    alex.write("data/x", "1\n")
    datmo(alex, "add-data", "data")
    alex.git("commit", "-q", "--allow-empty", "-m", "data")
    assert CHANGES not in alex.run("git", "push").stderr
    alex.write("data/x", "2\n")
    alex.commit("code.py", "2\n")
    alex.write("data/x", "3\n")
    said = alex.run("git", "push").stderr
    assert said.count(CHANGES) == 1
    assert (
        "'data' has changes that no snapshot has, which this push leaves out: 'git datmo commit' commits it"
        in said
    )
    assert pair.hub.git("rev-parse", "main") == alex.git("rev-parse", "HEAD")
    datmo(alex, "commit", "-m", "three")
    assert CHANGES not in alex.run("git", "push").stderr


def test_push_of_what_is_there_names_data_that_it_leaves_out(pair: Pair) -> None:
    alex = pair.alex
    alex.write("data/x", "1\n")
    datmo(alex, "add-data", "data")
    assert CHANGES in alex.run("git", "push").stderr


def test_push_with_damaged_state_warns_and_succeeds(pair: Pair) -> None:
    alex = pair.alex
    (alex.cwd / ".git" / "datmo" / "tracked.json").write_text("{")
    alex.commit("code.py", "2\n")
    assert "cannot tell whether the data changed" in alex.run("git", "push").stderr


def test_push_names_a_merge_that_waits_for_a_decision(pair: Pair) -> None:
    alex = pair.alex
    alex.write("data/x", "1\n")
    datmo(alex, "add-data", "data")
    datmo(alex, "commit", "-m", "one")
    alex.git("checkout", "-q", "-b", "side")
    alex.write("data/x", "side\n")
    datmo(alex, "commit", "-m", "side")
    alex.git("checkout", "-q", "main")
    alex.write("data/x", "main\n")
    datmo(alex, "commit", "-m", "main")
    alex.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    said = alex.run("git", "push").stderr
    assert "the merge left 'data/x' undecided" in said
    assert CHANGES not in said
