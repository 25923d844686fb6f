"""A curve of a million points: its size in the store, and a view of all of it."""

from __future__ import annotations

import statistics
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from random import Random

from benchmarks.bounds import Bound, within
from benchmarks.cases.base import Bench, Outcome, Settings
from benchmarks.contest import Box
from benchmarks.tools.ours import Ours
from git_datmo.curves.curve_points import Points
from git_datmo.curves.curve_reader import read_header, read_points, read_view
from git_datmo.repository.stored_curves import open_curve, store_curves
from git_datmo.repository.workspace import Workspace, open_workspace

POINTS = 1_000_000


class Curves:
    name = "curves"
    about = "a curve of a million points, stored and viewed"

    def space(self, settings: Settings) -> int:
        del settings
        return 1 << 28

    def run(self, bench: Bench) -> Outcome:
        house = Box(bench.folder / "curves", "data.bin")
        try:
            Ours().start(house)
            with open_workspace(house.env, house.work) as ws:
                return [], list(_bounds(ws, bench.settings.runs))
        finally:
            house.delete()


def _bounds(ws: Workspace, runs: int) -> Iterator[Bound]:
    """Store the curve, and view it with a new reader each time."""
    before = _weigh(ws.store.path)
    points = _noisy_curve()
    series, curves = store_curves(ws, {"loss": points}, {"loss": "min"})
    size = (_weigh(ws.store.path) - before) / POINTS
    yield within("curve of 1,000,000 points: stored, each point", size, 16, "bytes")
    assert series is not None
    times = []
    for _ in range(5 * runs):
        begun = time.perf_counter()
        read = open_curve(ws.store, series, curves["loss"])
        view = read_view(read, read_header(read))
        times.append(time.perf_counter() - begun)
        assert view.width * len(view) >= POINTS
    assert read_points(read, read_header(read)) == points
    yield within("curve of 1,000,000 points: view", 1000 * statistics.median(times), 50, "ms")


def _noisy_curve() -> Points:
    """Return values of full precision, at steps that count up and at irregular times."""
    random, now = Random(1), 1_700_000_000_000_000
    values, times = array("d"), array("q")
    for _ in range(POINTS):
        now += random.randint(900, 30_000)
        values.append(random.gauss(0, 1))
        times.append(now)
    return Points(values, array("d", range(POINTS)), times)


def _weigh(folder: Path) -> int:
    """Return the bytes of all files below `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
