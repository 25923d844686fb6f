"""Test that `init --remove` undoes `init`, restores the earlier settings, and keeps the data."""

from __future__ import annotations

import pytest

from tests.support.commands import datmo, experiments, picture, refusal
from tests.support.pair import Pair, both_ways
from tests.support.shell import Shell


def settings(repo: Shell) -> list[str]:
    return sorted(repo.git("config", "--show-scope", "--list").splitlines())


def hooks(repo: Shell) -> dict[bytes, tuple[str, bytes]]:
    return picture(repo.cwd / ".git" / "hooks")


def own_settings(repo: Shell, name: str) -> None:
    """Give a repository the settings that a person or another tool may have made before."""
    if name == "hooks":
        repo.write(".git/hooks/pre-push", "#!/bin/sh\nexit 0\n").chmod(0o755)
    elif name == "husky":
        repo.git("config", "core.hooksPath", ".husky/_")
    elif name == "worktree":
        repo.git("config", "extensions.worktreeConfig", "true")
        repo.git("config", "--worktree", "core.hooksPath", ".husky/_")
    elif name == "notes":
        repo.git("config", "--add", "notes.displayRef", "refs/notes/mine")
        repo.git("config", "--add", "notes.rewriteRef", "refs/notes/mine")
        repo.git("config", "notes.rewriteMode", "concatenate")
    elif name == "protocol":
        repo.git("config", "protocol.datmo.allow", "always")


@pytest.mark.parametrize("words", [(), ("--helper",)])
@pytest.mark.parametrize("before", ["nothing", "hooks", "husky", "worktree", "notes", "protocol"])
def test_remove_leaves_settings_and_hooks_as_they_were(
    pair: Pair, before: str, words: tuple[str, ...]
) -> None:
    pair.top.git("clone", "-q", str(pair.hub.cwd), "fresh")
    fresh = pair.top.at("fresh")
    own_settings(fresh, before)
    wanted = settings(fresh), hooks(fresh)
    exclude = (fresh.cwd / ".git/info/exclude").read_text()
    datmo(fresh, "init", *words)
    fresh.write("data/x", "1\n")
    datmo(fresh, "add-data", "data")
    assert (settings(fresh), hooks(fresh)) != wanted
    for _ in range(2):
        datmo(fresh, "init", "--remove")
        assert (settings(fresh), hooks(fresh)) == wanted
        assert (fresh.cwd / ".git/info/exclude").read_text() == exclude


@both_ways
def test_remove_keeps_data_and_records_for_another_init(pair: Pair) -> None:
    pair.alex.write("data/x", "1\n")
    datmo(pair.alex, "add-data", "data")
    datmo(pair.alex, "snapshot", "-m", "one")
    before = experiments(pair.alex)
    datmo(pair.alex, "init", "--remove")
    pair.alex.git("push", "-q", "origin", "main")
    assert "refs/datmo" not in pair.hub.git("for-each-ref")
    datmo(pair.alex, "init", *(["--helper"] if pair.way == "helper" else []))
    assert experiments(pair.alex) == before
    pair.alex.commit("code.py", "2\n")
    pair.alex.git("push", "-q", "origin", "main")
    assert "refs/datmo" in pair.hub.git("for-each-ref")


def test_commands_that_remove_names_delete_the_rest(pair: Pair) -> None:
    pair.alex.write("data/x", "1\n")
    datmo(pair.alex, "add-data", "data")
    datmo(pair.alex, "snapshot", "-m", "one")
    lines = datmo(pair.alex, "init", "--remove").stdout.splitlines()
    for command in [line for line in lines if line.startswith("  ")]:
        pair.alex.run("sh", "-c", command)
    assert not (pair.alex.cwd / ".git/datmo").exists()
    assert "datmo" not in pair.alex.git("for-each-ref")
    refusal(datmo(pair.alex, "add-data", "data", code=128), "git datmo init")


def test_init_remove_with_remote_is_refused(repo: Shell) -> None:
    refusal(datmo(repo, "init", "--remove", "origin", code=129))
