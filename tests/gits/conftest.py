"""Run tests with other versions of git, at the client, the server, or both. `tests/gits.sh` makes
them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.crash_world import World, open_world
from tests.support.other_gits import ABSENT, PAIRS, Gits, folder
from tests.support.shell import CLIENT_GIT, SERVER_GIT


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
