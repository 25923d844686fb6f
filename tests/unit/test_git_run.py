"""Test that git's children get their folder by arguments alone, and ignore the user's settings for
output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from git_datmo.errors import DatmoError, GitFailed
from git_datmo.git.command import LOCATING, Git, clean_environment
from git_datmo.git.user_repository import discover
from tests.support.shell import Shell


def test_everything_that_would_point_git_elsewhere_is_taken_away(
    shell: Callable[..., Shell],
) -> None:
    """Remove the variables that git calls local to a repository, except the user's `git -c` settings."""
    local = set(shell().git("rev-parse", "--local-env-vars").splitlines())
    settings = {"GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"}
    unnamed = {"GIT_IMPLICIT_WORK_TREE", "GIT_NO_REPLACE_OBJECTS"}
    assert local - settings - unnamed <= set(LOCATING)


def test_child_environment_keeps_variables_of_user() -> None:
    given = {
        "PATH": "/bin",
        "GIT_SSH_COMMAND": "ssh -x",
        "GIT_DIR": "/else",
        "LANG": "de_DE",
        "GIT_PAGER": "less",
    }
    kept = clean_environment(given)
    assert kept["GIT_SSH_COMMAND"] == "ssh -x"
    assert "GIT_DIR" not in kept
    assert (kept["LC_ALL"], kept["LANGUAGE"], kept["GIT_PAGER"]) == ("C", "C", "cat")
    assert given["GIT_DIR"] == "/else", "the caller's own stays as it is"


def test_hostile_environment_is_ignored_by_git(make_repo: Callable[..., Shell]) -> None:
    repo, other = make_repo(), make_repo("other")
    commit = repo.commit("a", "1")
    variables = dict.fromkeys(LOCATING, str(other.cwd / ".git"))
    git = Git({**repo.env, **variables}, repo.cwd / ".git", repo.cwd)
    assert git.text("rev-parse", "HEAD") == commit
    assert git.text("ls-files") == "a"


def test_settings_go_by_the_environment_and_behind_those_that_are_there(
    make_repo: Callable[..., Shell],
) -> None:
    repo = make_repo()
    env = {
        **repo.env,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "a.b",
        "GIT_CONFIG_VALUE_0": "theirs",
    }
    git = (
        Git(env, repo.cwd / ".git")
        .with_config([("a.c", "mine")])
        .with_config([("http.extraHeader", "secret")])
    )
    assert git.text("config", "a.b") == "theirs"
    assert git.text("config", "a.c") == "mine"
    assert git.text("config", "http.extraHeader") == "secret"
    assert "secret" not in repr(git)


def test_failed_git_is_reported_with_its_message(make_repo: Callable[..., Shell]) -> None:
    repo = make_repo()
    git = Git(repo.env, repo.cwd / ".git")
    with pytest.raises(
        GitFailed, match=r"git cat-file failed: Not a valid object name nothing"
    ) as caught:
        git.run("cat-file", "-t", "nothing")
    assert caught.value.status == 128
    assert git.finish("cat-file", "-t", "nothing").returncode == 128


def test_missing_git_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DatmoError, match="git is not on PATH"):
        Git({"PATH": str(tmp_path)}, tmp_path).run("version")
    with pytest.raises(DatmoError, match="git is not on PATH"):
        discover({"PATH": str(tmp_path)}, tmp_path)


def test_input_of_any_size_and_bytes_goes_through(make_repo: Callable[..., Shell]) -> None:
    repo = make_repo()
    git = Git(repo.env, repo.cwd / ".git")
    content = bytes(range(256)) * 4096
    oid = git.text("hash-object", "-w", "--stdin", stdin=content)
    assert git.run("cat-file", "blob", oid) == content


# Where the repository is.


@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_repository_is_found_from_any_folder_of_it(
    make_repo: Callable[..., Shell], form: str
) -> None:
    repo = make_repo(object_format=form)
    repo.commit("deep/er/a", "1")
    found = discover(repo.env, repo.cwd / "deep" / "er")
    assert (found.top, found.prefix) == (repo.cwd, "deep/er/")
    assert (found.git_dir, found.common_dir) == (repo.cwd / ".git", repo.cwd / ".git")
    assert found.format.name == form
    assert str(found.resolve("HEAD")) == repo.git("rev-parse", "HEAD")
    assert found.config.get("user.name") == "A U Thor"


def test_linked_working_tree_has_a_folder_of_its_own(make_repo: Callable[..., Shell]) -> None:
    repo = make_repo()
    repo.commit("a", "1")
    repo.git("worktree", "add", "-q", "../linked")
    found = discover(repo.env, repo.cwd.parent / "linked")
    assert found.common_dir == repo.cwd / ".git"
    assert found.git_dir == repo.cwd / ".git" / "worktrees" / "linked"
    assert found.top == repo.cwd.parent / "linked"


def test_bare_repository_has_no_working_tree(make_repo: Callable[..., Shell]) -> None:
    repo = make_repo("bare.git", bare=True)
    found = discover(repo.env, repo.cwd)
    assert (found.top, found.prefix) == (None, "")
    with pytest.raises(DatmoError, match="work tree"):
        _ = found.work_tree


def test_git_dir_names_the_repository_as_in_a_hook(make_repo: Callable[..., Shell]) -> None:
    repo, elsewhere = make_repo(), make_repo("elsewhere")
    commit = repo.commit("a", "1")
    env = {**repo.env, "GIT_DIR": str(repo.cwd / ".git"), "GIT_WORK_TREE": str(repo.cwd)}
    found = discover(env, elsewhere.cwd)
    assert (found.git_dir, str(found.resolve("HEAD"))) == (repo.cwd / ".git", commit)


def test_odd_folder_names_come_through(make_repo: Callable[..., Shell]) -> None:
    repo = make_repo("a b\u00e4'\"$x")
    repo.commit("\u00fc n/a", "1")
    found = discover(repo.env, repo.cwd / "\u00fc n")
    assert (found.top, found.prefix) == (repo.cwd, "\u00fc n/")


def test_missing_repository_is_reported_in_one_line(shell: Callable[..., Shell]) -> None:
    outside = shell("outside").having(GIT_CEILING_DIRECTORIES="/")
    with pytest.raises(DatmoError, match="not a git repository") as caught:
        discover(outside.env, outside.cwd)
    assert caught.value.hint


def test_unknown_revision_is_reported(make_repo: Callable[..., Shell]) -> None:
    repo = make_repo()
    commit = repo.commit("a", "1")
    found = discover(repo.env, repo.cwd)
    assert str(found.resolve("HEAD")) == str(found.resolve(commit[:8])) == commit
    assert str(found.resolve("HEAD", "tree")) == repo.git("rev-parse", "HEAD^{tree}")
    for bad in ("nothing", "--help", "-n", "HEAD~7", "HEAD:a", ""):
        with pytest.raises(DatmoError, match="bad revision"):
            found.resolve(bad)


def test_patch_id_survives_rebase(
    make_repo: Callable[..., Shell],
) -> None:
    repo = make_repo()
    repo.commit("a", "1\n")
    repo.git("checkout", "-q", "-b", "side")
    old = repo.commit("b", "2\n")
    repo.git("checkout", "-q", "main")
    repo.commit("c", "3\n")
    repo.git("checkout", "-q", "side")
    repo.git("rebase", "-q", "main")
    repo.git("commit", "-q", "--allow-empty", "-m", "empty")
    found = discover(repo.env, repo.cwd)
    assert found.resolve("HEAD~1") != found.resolve(old)
    assert found.patch_id(found.resolve("HEAD~1")) == found.patch_id(found.resolve(old)) != ""
    assert found.patch_id(found.resolve("HEAD")) == ""


def test_remote_is_the_one_that_git_push_uses(make_repo: Callable[..., Shell]) -> None:
    repo = make_repo()
    repo.commit("a", "1")

    def default() -> str | None:
        return discover(repo.env, repo.cwd).default_remote()

    assert default() is None
    repo.git("remote", "add", "only", "/x")
    assert default() == "only"
    repo.git("remote", "add", "origin", "/x")
    assert default() == "origin"
    repo.git("config", "branch.main.remote", "only")
    assert default() == "only"
    repo.git("config", "remote.pushDefault", "origin")
    assert default() == "origin"
    repo.git("config", "branch.main.pushRemote", "only")
    assert default() == "only"
    repo.git("config", "branch.main.pushRemote", "gone")
    assert default() == "origin"


def test_many_warnings_of_git_do_not_stop_it(make_repo: Callable[..., Shell]) -> None:
    """Let a git write more warnings than a pipe takes, before its output."""
    repo = make_repo()
    fake = repo.cwd / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nhead -c 300000 /dev/zero >&2\nprintf 'a\\0b\\0'\nexit 3\n")
    fake.chmod(0o755)
    git = Git({**repo.env, "PATH": f"{fake.parent}:/usr/bin:/bin"}, repo.cwd / ".git", repo.cwd)
    with pytest.raises(GitFailed), git.fields("ls-files", "-z") as fields:
        assert list(fields) == [b"a", b"b"]
