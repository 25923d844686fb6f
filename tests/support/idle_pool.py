"""Replace the pool of workers in tests of its surroundings."""

from __future__ import annotations

from git_datmo.serving.serving_pool import ServingPool


class IdlePool(ServingPool):
    """Start no worker, and count the stops."""

    def __init__(self) -> None:
        self.stops = 0

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        self.stops += 1
