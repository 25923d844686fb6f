"""Give every test a sealed environment, and real repositories and servers in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.exact_push import push_scene, push_template
from tests.support.page_repository import make_page_repository
from tests.support.pair import pair
from tests.support.servers.hosts import host, http_host, ssh_host
from tests.support.shell import Shell, seal

__all__ = [
    "host",
    "http_host",
    "make_repo",
    "page_template",
    "pair",
    "push_scene",
    "push_template",
    "sealed",
    "shell",
    "ssh_host",
]

# The same examples in every run, so that a failure is the change's and not the dice's;
# `--hypothesis-profile=deep` throws new dice, and more often. No example has a deadline: the
# machines that run these are slow at times.
settings.register_profile("ci", derandomize=True, deadline=None, database=None, print_blob=True)
settings.register_profile("deep", max_examples=2_000, deadline=None, print_blob=True)
settings.load_profile("ci")


@pytest.fixture
def sealed(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a fresh user: own HOME, own configuration, fixed locale and
    dates."""
    return seal(tmp_path / "home")


@pytest.fixture
def shell(tmp_path: Path, sealed: dict[str, str]) -> Callable[..., Shell]:
    """Return a function that makes a shell in a folder of the test, with more variables if
    given."""

    def make(cwd: Path | str = "", **variables: str) -> Shell:
        folder = tmp_path / cwd
        folder.mkdir(parents=True, exist_ok=True)
        return Shell(folder, {**sealed, **variables})

    return make


@pytest.fixture
def make_repo(shell: Callable[..., Shell]) -> Callable[..., Shell]:
    """Return a function that makes a repository in a new folder of the test, and a shell in it."""

    def make(
        name: str = "repo", *, bare: bool = False, object_format: str = "sha1", **variables: str
    ) -> Shell:
        made = shell(name, **variables)
        made.git(
            "init", "-q", f"--object-format={object_format}", *(["--bare"] if bare else []), "."
        )
        return made

    return make


@pytest.fixture(scope="session")
def page_template(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Return a repository with all that the page shows; tests that change it use a copy."""
    return make_page_repository(tmp_path_factory.mktemp("page"))
