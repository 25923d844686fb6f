"""Repositories that are ready: one alone, and one with a remote to share with."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commands import datmo
from tests.support.shell import Shell
from tests.support.side_by_side import make_template


@pytest.fixture
def repo(make_repo: Callable[..., Shell]) -> Shell:
    """A repository with one commit, set up."""
    made = make_repo()
    made.commit("code.py", "pass\n")
    datmo(made, "init")
    return made


@pytest.fixture(scope="session")
def engine_environ() -> dict[str, str]:
    """How a container engine is reached; a visible skip where there is none, unless the tests must
    have it."""
    address = os.environ.get("DOCKER_HOST", "")
    if not address:
        why = "no container engine: run 'tests/container-engine.sh docker -- pytest'"
        pytest.fail(why) if os.environ.get("DATMO_REQUIRE_ENGINE") == "1" else pytest.skip(why)
    return {"DOCKER_HOST": address}


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Server repositories to copy, by their format."""
    return {
        name: make_template(tmp_path_factory.mktemp(f"template-{name}"), name)
        for name in ("sha1", "sha256")
    }


@dataclass(frozen=True)
class Pair:
    """A remote, somebody's repository that shares with it, and the folder that holds both."""

    hub: Shell
    alex: Shell
    top: Shell
    way: str

    def clone(self, name: str = "ignacio") -> Shell:
        """Somebody else's clone, set up."""
        self.top.git("clone", "-q", f"datmo::{self.hub.cwd}", name)
        return self.top.at(name)


@pytest.fixture
def pair(
    request: pytest.FixtureRequest, make_repo: Callable[..., Shell], shell: Callable[..., Shell]
) -> Pair:
    """By the hook, or as the test's parameter says; a first commit is there and pushed, no payload
    yet."""
    way = getattr(request, "param", "hook")
    hub = make_repo("hub.git", bare=True)
    alex = make_repo("alex")
    alex.commit("code.py", "pass\n")
    alex.git("remote", "add", "origin", str(hub.cwd))
    alex.git("push", "-q", "-u", "origin", "main")
    datmo(alex, "init", *(["--helper"] if way == "helper" else []))
    return Pair(hub, alex, shell(), way)


both_ways = pytest.mark.parametrize("pair", ["hook", "helper"], indirect=True)
