"""Tests with another git than the machine's, at the client, at the server, and at both:
`tests/gits.sh` makes them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.conftest import pair
from tests.support.crash_world import World, open_world
from tests.support.shell import CLIENT_GIT, SERVER_GIT

__all__ = ["pair"]

MACHINE = "machine"
CACHE = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "git-datmo-tests" / "gits"
)
GITS = Path(os.environ.get("DATMO_TEST_GITS") or CACHE)
NAMES = sorted(path.parent.parent.name for path in GITS.glob("*/bin/git"))
ABSENT = f"no other git in {GITS}: run tests/gits.sh as root"


@dataclass(frozen=True)
class Gits:
    """The names of the gits that clients and servers start."""

    client: str
    server: str

    def __str__(self) -> str:
        return f"{self.client} to {self.server}"


def folder(name: str) -> str:
    """Return the folder of a git's programs; none for the machine's own."""
    return "" if name == MACHINE else str(GITS / name / "bin")


PAIRS = [Gits(*ends) for name in NAMES for ends in ((MACHINE, name), (name, MACHINE), (name, name))]


@pytest.fixture(scope="module", autouse=True, params=PAIRS or [None], ids=str)
def gits(request: pytest.FixtureRequest) -> Iterator[Gits]:
    """Let clients and servers of a module's tests start each pair of gits in turn."""
    chosen = request.param
    if chosen is None:
        pytest.fail(ABSENT) if os.environ.get("DATMO_REQUIRE_GITS") == "1" else pytest.skip(ABSENT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CLIENT_GIT, folder(chosen.client))
        patch.setenv(SERVER_GIT, folder(chosen.server))
        yield chosen


@pytest.fixture(scope="module")
def world(gits: Gits, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("world")) as opened:
        yield opened
