"""Test hooks beside those of users and other tools: all run, and inactive hooks are noticed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.commands import datmo, experiments
from tests.support.pair import Pair
from tests.support.shell import Shell

NOTICE = "run 'git datmo init'"


def put_hook(repo: Shell, name: str, text: str, folder: str = ".git/hooks") -> Path:
    path = repo.cwd / folder / name
    path.unlink(missing_ok=True)
    repo.write(f"{folder}/{name}", f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def said(repo: Shell) -> list[str]:
    """Return the hooks that ran since the last call."""
    path = repo.cwd / "said"
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return lines


def notices(repo: Shell) -> list[str]:
    """Return the lines about inactive hooks; check that `status`, `add-data` and `run` print the
    same."""
    repo.write("data/x", "1\n")
    heard = []
    for words in (("status",), ("add-data", "data"), ("run", "--", "true")):
        lines = datmo(repo, *words).stderr.splitlines()
        heard.append([line for line in lines if NOTICE in line])
    assert heard[0] == heard[1] == heard[2]
    return heard[0]


@pytest.fixture
def tracked(repo: Shell) -> Shell:
    """Return a repository that is set up and tracks a payload."""
    repo.write("data/x", "0\n")
    datmo(repo, "add-data", "data")
    return repo


def has_snapshot(repo: Shell) -> bool:
    return any(
        found["commit"] == repo.git("rev-parse", "HEAD").strip() for found in experiments(repo)
    )


def test_hooks_in_force_are_not_spoken_of(repo: Shell) -> None:
    assert notices(repo) == []


@pytest.mark.parametrize("way", ["deleted", "overwritten", "not executable"])
def test_hook_out_of_force_is_noticed_and_repaired_by_init(tracked: Shell, way: str) -> None:
    path = tracked.cwd / ".git" / "hooks" / "post-commit"
    if way == "deleted":
        path.unlink()
    elif way == "overwritten":
        put_hook(tracked, "post-commit", "echo theirs >>said")
    else:
        path.chmod(0o644)
    (line,) = notices(tracked)
    assert "'post-commit'" in line
    assert "pre-push" not in line
    datmo(tracked, "init")
    assert notices(tracked) == []
    tracked.write("data/x", "2\n")
    tracked.git("commit", "-q", "--allow-empty", "-m", "one")
    assert has_snapshot(tracked)
    assert said(tracked) == (["theirs"] if way == "overwritten" else [])


def test_hooks_path_set_afterwards_is_noticed_and_passed_on_to_by_init(tracked: Shell) -> None:
    put_hook(tracked, "post-commit", "echo husky >>said", ".husky/_")
    put_hook(tracked, "pre-commit", "echo husky pre-commit >>said", ".husky/_")
    tracked.git("config", "core.hooksPath", ".husky/_")
    (line,) = notices(tracked)
    assert "'.husky/_'" in line
    for number in (2, 3):
        datmo(tracked, "init")
        assert notices(tracked) == []
        tracked.write("data/x", f"{number}\n")
        tracked.git("commit", "-q", "--allow-empty", "-m", "one")
        assert said(tracked) == ["husky pre-commit", "husky"]
        assert has_snapshot(tracked)
        # As `npm install` does each time.
        tracked.git("config", "core.hooksPath", ".husky/_")


def test_hooks_path_in_the_home_folder_is_passed_on_to(tracked: Shell) -> None:
    home = Path(tracked.env["HOME"])
    hook = home / "hooks" / "post-commit"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\necho global >>'{tracked.cwd}/said'\n")
    hook.chmod(0o755)
    tracked.git("config", "--global", "core.hooksPath", "~/hooks")
    assert len(notices(tracked)) == 1
    datmo(tracked, "init")
    tracked.git("commit", "-q", "--allow-empty", "-m", "one")
    assert said(tracked) == ["global"]
    datmo(tracked, "init", "--remove")
    assert tracked.git("config", "--get-all", "core.hooksPath").split() == ["~/hooks"]


@pytest.mark.parametrize("way", ["moved", "copied"])
def test_repository_that_was_moved_keeps_its_hooks(tracked: Shell, shell: object, way: str) -> None:
    put_hook(tracked, "post-commit", "echo husky >>said", ".husky/_")
    tracked.git("config", "core.hooksPath", ".husky/_")
    datmo(tracked, "init")
    there = tracked.cwd.with_name("elsewhere")
    if way == "moved":
        tracked.cwd.rename(there)
    else:
        shutil.copytree(tracked.cwd, there, symlinks=True)
        shutil.rmtree(tracked.cwd)
    moved = Shell(there, tracked.env)
    assert notices(moved) == []
    moved.write("data/x", "moved\n")
    moved.git("commit", "-q", "--allow-empty", "-m", "moved")
    assert said(moved) == ["husky"]
    assert has_snapshot(moved)


def test_absolute_hooks_path_to_moved_folder_is_repaired(tracked: Shell) -> None:
    old = tracked.cwd.with_name("old") / ".git" / "datmo" / "hooks"
    tracked.git("config", "core.hooksPath", str(old))
    (line,) = notices(tracked)
    assert str(old) in line
    datmo(tracked, "init")
    assert notices(tracked) == []
    tracked.write("data/x", "2\n")
    tracked.git("commit", "-q", "--allow-empty", "-m", "one")
    assert has_snapshot(tracked)


def test_own_folder_of_hooks_that_is_named_like_ours_is_passed_on_to(tracked: Shell) -> None:
    folder = tracked.cwd.with_name("datmo") / "hooks"
    folder.mkdir(parents=True)
    put_hook(tracked, "post-commit", "echo company >>said", str(folder))
    tracked.git("config", "core.hooksPath", str(folder))
    for _ in range(2):
        datmo(tracked, "init")
        tracked.git("commit", "-q", "--allow-empty", "-m", "one")
        assert said(tracked) == ["company"]
    datmo(tracked, "init", "--remove")
    assert tracked.git("config", "core.hooksPath") == str(folder)


def test_bare_repository_that_is_named_like_ours_runs_earlier_hooks(pair: Pair) -> None:
    pair.top.git("clone", "-q", "--bare", str(pair.hub.cwd), "datmo")
    bare = pair.top.at("datmo")
    put_hook(bare, "pre-push", "echo earlier >&2; exit 1", "hooks")
    datmo(bare, "init")
    done = bare.run("git", "push", str(pair.hub.cwd), "main:other", ok=False)
    assert done.returncode == 1
    assert done.stderr.startswith("earlier\n")


@pytest.mark.parametrize("husky", [False, True])
def test_linked_working_tree_runs_the_hooks(tracked: Shell, husky: bool) -> None:
    if husky:
        put_hook(tracked, "post-commit", "echo husky >>said", ".husky/_")
        tracked.git("add", "-f", ".husky")
        tracked.git("commit", "-q", "-m", "husky")
        tracked.git("config", "core.hooksPath", ".husky/_")
        datmo(tracked, "init")
    tracked.git("worktree", "add", "-q", "../linked")
    linked = tracked.at("../linked")
    assert notices(linked) == []
    linked.write("data/x", "linked\n")
    linked.git("commit", "-q", "--allow-empty", "-m", "linked")
    assert said(linked) == (["husky"] if husky else [])
    assert has_snapshot(linked)


def test_earlier_hook_that_fails_stops_a_push_and_sees_its_input(pair: Pair) -> None:
    put_hook(pair.alex, "pre-push", 'cat >>said; echo "$1" >>said; exit 1')
    datmo(pair.alex, "init")
    put_hook(pair.alex, "pre-push", "cat >>said; exit 0")
    datmo(pair.alex, "init")
    pair.alex.commit("code.py", "1\n")
    assert pair.alex.run("git", "push", "-q", "origin", "main", ok=False).returncode == 1
    first, name = said(pair.alex)
    assert first.startswith("refs/heads/main ")
    assert name == "origin"
    put_hook(pair.alex, "pre-push.datmo-next", "cat >>said; echo one >>said")
    pair.alex.git("push", "-q", "origin", "main")
    assert said(pair.alex) == [first, "one", first]


def test_hook_that_is_a_copy_of_ours_does_not_run_without_end(tracked: Shell) -> None:
    hooks = tracked.cwd / ".git" / "hooks"
    shutil.copy(hooks / "post-commit", hooks / "post-commit.datmo-next")
    tracked.git("config", "datmo.hooksPath", str(hooks))
    tracked.write("data/x", "2\n")
    tracked.git("commit", "-q", "--allow-empty", "-m", "one")
    assert has_snapshot(tracked)
    assert len(experiments(tracked)) == 1


def test_pre_commit_that_ours_would_run_while_it_runs_ours_is_left_out(tracked: Shell) -> None:
    hooks = tracked.cwd / ".git" / "hooks"
    (hooks / "post-commit").rename(hooks / "post-commit.legacy")
    script = "# File generated by pre-commit: https://pre-commit.com\necho pre-commit >>said\n"
    put_hook(tracked, "post-commit", script + 'PRE_COMMIT_RUNNING_LEGACY=1 "$0.legacy" "$@"')
    put_hook(tracked, "post-commit.datmo-next", script + "exit 1")
    tracked.git("commit", "-q", "--allow-empty", "-m", "one")
    assert said(tracked) == ["pre-commit"]
    assert notices(tracked) == []


def test_init_beside_jujutsu_names_the_helper(pair: Pair) -> None:
    assert "--helper" not in datmo(pair.alex, "init").stdout
    (pair.alex.cwd / ".jj").mkdir()
    assert "git datmo init --helper origin" in datmo(pair.alex, "init").stdout
    assert "Jujutsu" not in datmo(pair.alex, "init", "--helper", "origin").stdout
