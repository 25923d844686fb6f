"""Make a remote, and a clone that shares with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support.commands import datmo
from tests.support.shell import Shell


@dataclass(frozen=True)
class Pair:
    """Hold a remote, a repository that shares with it, and the folder that contains both."""

    hub: Shell
    alex: Shell
    top: Shell
    way: str

    def clone(self, name: str = "ignacio") -> Shell:
        """Return another user's clone, set up."""
        self.top.git("clone", "-q", f"datmo::{self.hub.cwd}", name)
        return self.top.at(name)


@pytest.fixture
def pair(
    request: pytest.FixtureRequest, make_repo: Callable[..., Shell], shell: Callable[..., Shell]
) -> Pair:
    """Return a pair with a pushed first commit and no payload, by the hook or as the test's
    parameter says."""
    way = getattr(request, "param", "hook")
    hub = make_repo("hub.git", bare=True)
    alex = make_repo("alex")
    alex.commit("code.py", "pass\n")
    alex.git("remote", "add", "origin", str(hub.cwd))
    alex.git("push", "-q", "-u", "origin", "main")
    datmo(alex, "init", *(["--helper"] if way == "helper" else []))
    return Pair(hub, alex, shell(), way)


both_ways = pytest.mark.parametrize("pair", ["hook", "helper"], indirect=True)
