"""Test that the stored code has the files of submodules, and none of other nested repositories."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.commands import datmo, experiments
from tests.support.shell import Shell

ALLOW = ("-c", "protocol.file.allow=always")


@pytest.fixture
def other(make_repo: Callable[..., Shell]) -> Shell:
    """Return a repository to add as a submodule."""
    made = make_repo("other")
    made.commit("lib/tool.py", "pass\n")
    return made


def stored_code(repo: Shell) -> set[str]:
    """Return the files of the code of the newest snapshot."""
    datmo(repo, "snapshot", "-m", "code")
    code = experiments(repo)[0]["code"]["object"]
    listed = repo.git("--git-dir=.git/datmo/store.git", "ls-tree", "-r", "-z", code).split("\0")[
        :-1
    ]
    assert not [line for line in listed if line.startswith("160000")]
    return {line.partition("\t")[2] for line in listed}


def test_files_of_a_submodule_are_stored_below_its_path(repo: Shell, other: Shell) -> None:
    repo.git(*ALLOW, "submodule", "add", "-q", str(other.cwd), "deps/other")
    repo.git("commit", "-q", "-m", "submodule")
    assert stored_code(repo) == {".gitmodules.datmo-name", "code.py", "deps/other/lib/tool.py"}


def test_submodule_that_is_not_checked_out_is_left_out(repo: Shell, other: Shell) -> None:
    repo.git(*ALLOW, "submodule", "add", "-q", str(other.cwd), "deps/other")
    repo.git("commit", "-q", "-m", "submodule")
    repo.git("submodule", "deinit", "-q", "-f", "deps/other")
    assert stored_code(repo) == {".gitmodules.datmo-name", "code.py"}


def test_nested_repository_is_left_out(repo: Shell, other: Shell) -> None:
    repo.git("clone", "-q", str(other.cwd), "nested")
    assert stored_code(repo) == {"code.py"}
