"""Calls of a training script: how long one takes, and the import of the package."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator

from benchmarks.bounds import Bound, within
from benchmarks.cases.base import Bench, Outcome, Settings
from benchmarks.contest import Box
from benchmarks.tools.ours import Ours

CALLS = 100_000
LOOP = f"""\
import json, time
import git_datmo as datmo
datmo.log_metric("loss", 0.0)
times = []
for step in range({CALLS}):
    begun = time.perf_counter_ns()
    datmo.log_metric("loss", step * 0.1)
    times.append(time.perf_counter_ns() - begun)
times.sort()
print(json.dumps([times[len(times) // 2], times[len(times) * 99 // 100]]))
"""
IMPORT = """\
import time
begun = time.perf_counter_ns()
import git_datmo
git_datmo.log_metric
print(time.perf_counter_ns() - begun)
"""


class Calls:
    name = "calls"
    about = "log_metric in a training script, and the import of the package"

    def space(self, settings: Settings) -> int:
        del settings
        return 1 << 26

    def run(self, bench: Bench) -> Outcome:
        house = Box(bench.folder / "calls", "data.bin")
        try:
            Ours().start(house)
            (house.work / "loop.py").write_text(LOOP)
            house.run("git", "add", "loop.py")
            house.run("git", "commit", "-q", "-m", "loop")
            return [], list(_bounds(house, bench.settings.runs))
        finally:
            house.delete()


def _bounds(house: Box, runs: int) -> Iterator[Bound]:
    """Take the median of several runs of the script, each in a run of git-datmo."""
    found = [
        json.loads(house.run("git", "datmo", "run", "--", "python", "loop.py")) for _ in range(runs)
    ]
    median, late = (statistics.median(column) / 1000 for column in zip(*found, strict=True))
    yield within("log_metric, median", median, 5, "µs")
    yield within("log_metric, 99th percentile", late, 50, "µs")
    imports = [int(house.run("python", "-c", IMPORT)) for _ in range(5 * runs)]
    yield within("import of the logging functions", statistics.median(imports) / 1e6, 40, "ms")
