"""Test large payloads, with a SIGKILL to all processes of a command at a random moment."""

from __future__ import annotations

import pytest

from tests.support.crash_world import World
from tests.support.servers.http_host import HttpHost
from tests.support.sigkill import (
    SIZE,
    check_killed_push,
    fetched,
    kill_and_finish,
    laid,
    offered,
)


def test_add_killed_while_storing_is_finished_by_the_next(world: World) -> None:
    command = ["git", "datmo", "add-data", "--json", "data"]
    kill_and_finish(world, laid, "alex", command, ["alex/.git/datmo/store.git"], SIZE)


def test_checkout_killed_while_fetching_is_finished_by_the_next(world: World) -> None:
    watched = ["ben/.git/datmo/store.git", "ben/data"]
    kill_and_finish(world, offered, "ben", ["git", "datmo", "checkout"], watched, 2 * SIZE)


def test_checkout_killed_without_its_workers_is_finished_by_the_next(world: World) -> None:
    """Check that the next checkout waits for the workers, which hold the lock."""
    kill_and_finish(
        world, fetched, "ben", ["git-datmo", "checkout"], ["ben/data"], SIZE, alone=True
    )


@pytest.mark.parametrize("way", ["path", "http"])
def test_killed_push_is_finished_by_the_next(world: World, http_host: HttpHost, way: str) -> None:
    check_killed_push(world, http_host, way)
