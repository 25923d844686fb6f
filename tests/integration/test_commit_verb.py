"""Test `git datmo commit`, also where only the data changed and git sees nothing to commit."""

from __future__ import annotations

import re

import pytest

from tests.support.commands import datmo, experiments, refused, states
from tests.support.shell import Shell


@pytest.fixture
def tracked(repo: Shell) -> Shell:
    """Return a repository whose data are committed."""
    repo.write("data/x", "1\n")
    datmo(repo, "add-data", "data")
    datmo(repo, "commit", "-m", "first data")
    return repo


def count_commits(repo: Shell) -> int:
    return int(repo.git("rev-list", "--count", "HEAD"))


def test_commit_of_data_alone_has_snapshot_and_trailer(tracked: Shell) -> None:
    before = count_commits(tracked)
    tracked.write("data/x", "2\n")
    said = datmo(tracked, "commit", "-m", "more data")
    assert "more data" in said.stdout
    assert "snapshot" in said.stderr
    assert count_commits(tracked) == before + 1
    assert "Datmo-Data: " in tracked.git("log", "-1", "--format=%B")
    newest = experiments(tracked)[0]
    assert newest["commit"] == tracked.git("rev-parse", "HEAD")
    document = datmo(tracked, "status", "--json").stdout
    assert '"in_snapshot": true' in document
    assert states(tracked) == {"data": "unchanged"}


def test_added_and_untracked_payloads_count_as_changes(tracked: Shell) -> None:
    tracked.write("more/y", "1\n")
    datmo(tracked, "add-data", "more")
    datmo(tracked, "commit", "-m", "one more")
    assert len(experiments(tracked)[0]["payloads"]) == 2
    datmo(tracked, "rm", "more")
    datmo(tracked, "commit", "-m", "one less")
    assert len(experiments(tracked)[0]["payloads"]) == 1


def test_commit_without_changes_prints_the_message_of_git(tracked: Shell) -> None:
    before = count_commits(tracked)
    said = datmo(tracked, "commit", "-m", "nothing", code=1)
    assert "nothing to commit" in said.stdout
    assert count_commits(tracked) == before


def test_hint_commits_the_older_data_that_a_checkout_placed(tracked: Shell) -> None:
    tracked.write("data/x", "2\n")
    datmo(tracked, "commit", "-m", "more data")
    datmo(tracked, "checkout", "HEAD~1")
    # Unmodified older files follow HEAD, so that they undo nobody's data.
    said = datmo(tracked, "commit", "-m", "back", code=1)
    found = re.search(r"'git datmo (checkout \w+ -- \.)', then 'git datmo commit'", said.stderr)
    assert found is not None, said.stderr
    datmo(tracked, *found[1].split())
    datmo(tracked, "commit", "-m", "back")
    assert (tracked.cwd / "data/x").read_text() == "1\n"
    assert states(tracked) == {"data": "unchanged"}
    assert "HEAD has" not in datmo(tracked, "status").stdout


def test_commit_takes_what_git_commit_takes(tracked: Shell) -> None:
    tracked.write("code.py", "changed\n")
    tracked.write("data/x", "2\n")
    datmo(tracked, "commit", "-am", "both", "--author", "Ada <ada@example.com>")
    assert tracked.git("log", "-1", "--format=%an %s") == "Ada both"
    assert tracked.git("show", "--format=", "--name-only", "HEAD") == "code.py"
    assert experiments(tracked)[0]["commit"] == tracked.git("rev-parse", "HEAD")


def test_commit_exits_as_git_does(tracked: Shell) -> None:
    assert datmo(tracked, "commit", "--nonsense", code=129).stderr.startswith(
        "error: unknown option"
    )
    hook = tracked.cwd / ".git" / "hooks" / "pre-commit.datmo-next"
    hook.write_text("#!/bin/sh\necho refused >&2; exit 7\n")
    hook.chmod(0o755)
    tracked.write("data/x", "2\n")
    assert "refused" in datmo(tracked, "commit", "-m", "no", code=1).stderr


def test_commit_starts_the_editor_of_git(tracked: Shell) -> None:
    tracked.write("data/x", "2\n")
    datmo(tracked.having(GIT_EDITOR="sed -i '1s/^/from the editor/'"), "commit")
    assert tracked.git("log", "-1", "--format=%s") == "from the editor"
    tracked.write("data/x", "3\n")
    before = count_commits(tracked)
    datmo(tracked.having(GIT_EDITOR="true"), "commit", code=1)
    assert count_commits(tracked) == before


def test_first_commit_of_a_repository_may_be_of_data_alone(
    tracked: Shell, make_repo: object
) -> None:
    assert callable(make_repo)
    fresh = make_repo("fresh")
    datmo(fresh, "init")
    fresh.write("data/x", "1\n")
    datmo(fresh, "add-data", "data")
    datmo(fresh, "commit", "-m", "data first")
    assert len(experiments(fresh)) == 1


def test_commit_in_a_subfolder_takes_paths_from_there(tracked: Shell) -> None:
    tracked.commit("sub/a.py", "1\n")
    tracked.write("sub/a.py", "2\n")
    datmo(tracked.at("sub"), "commit", "-m", "a path", "a.py")
    assert tracked.git("show", "--format=", "--name-only", "HEAD") == "sub/a.py"


def test_commit_makes_the_snapshot_itself_where_no_hook_runs(tracked: Shell) -> None:
    tracked.git("config", "core.hooksPath", "/nowhere")
    tracked.write("data/x", "2\n")
    said = datmo(tracked, "commit", "-m", "without hooks")
    assert "git datmo init" in said.stderr
    assert experiments(tracked)[0]["commit"] == tracked.git("rev-parse", "HEAD")


def test_commit_of_missing_data_is_refused(tracked: Shell) -> None:
    before = count_commits(tracked)
    (tracked.cwd / "data" / "x").unlink()
    (tracked.cwd / "data").rmdir()
    refused(tracked, "commit", "-m", "gone", says=("'data' is missing", "git datmo rm data"))
    assert count_commits(tracked) == before


def test_commit_behind_the_data_is_refused_with_hint(tracked: Shell) -> None:
    tracked.write("data/x", "2\n")
    tracked.write("code.py", "2\n")
    datmo(tracked, "commit", "-am", "two")
    tracked.git("reset", "-q", "--soft", "HEAD~1")
    tracked.write("data/x", "3\n")
    refused(tracked, "commit", "-m", "three", says=("not in this branch", "git datmo snapshot"))
    datmo(tracked, "snapshot")
    assert experiments(tracked)[0]["commit"] == tracked.git("rev-parse", "HEAD")


def test_commit_without_a_store_names_init(make_repo: object) -> None:
    assert callable(make_repo)
    plain = make_repo("plain")
    refused(plain, "commit", "-m", "x", says=("git datmo init",))
