"""Test that a killed push harms nobody and can be repeated, with every git at either end."""

from __future__ import annotations

import pytest

from tests.support.crash_world import World
from tests.support.servers.http_host import HttpHost
from tests.support.sigkill import check_killed_push


@pytest.mark.parametrize("way", ["path", "http"])
def test_killed_push_is_finished_by_the_next(world: World, http_host: HttpHost, way: str) -> None:
    check_killed_push(world, http_host, way)
