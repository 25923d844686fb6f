"""Make a remote, and a clone that shares with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support.commands import datmo
from tests.support.shell import Shell


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
