"""Measure the server of the page: `python -m benchmarks.page_server`.

It times the table of many experiments with many columns, without and with caches, and the processor
that a server uses while a browser follows 50 runs in which nothing happens.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.machine import load
from benchmarks.page_experiments import make_repository
from git_datmo.repository.workspace import open_workspace
from git_datmo.web.following import TICK
from git_datmo.web.live_pages import LivePages, open_pages
from tests.support.live_runs import begin_run, log_values
from tests.support.shell import Shell

RUNS, POINTS, LOOKS = 50, 2000, 60


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=10_000)
    parser.add_argument("--columns", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="datmo-page-") as folder:
        shell = make_repository(Path(folder), options.experiments, options.columns)
        print(f"load before: {load()}")
        for line in (*_measure_table(shell), *_measure_following(shell)):
            print(line)
        print(f"load after: {load()}")


def _measure_table(shell: Shell) -> Iterator[str]:
    """Yield the seconds and bytes of the table of experiments, and of a block of columns."""
    state = shell.cwd / ".git" / "datmo"
    shutil.rmtree(state / "told", ignore_errors=True)
    (state / "catalog").unlink(missing_ok=True)
    for title in ("no cache yet", "cold server"):
        pages = open_pages(shell.env, shell.cwd)
        for name in ("experiments", "block/0", "experiments"):
            content, wall, cpu = _timed(pages, name)
            yield (f"{name}, {title}: {wall:.3f} s (processor {cpu:.3f} s), {len(content):,} bytes")
        pages.close()


def _measure_following(shell: Shell) -> Iterator[str]:
    """Yield the share of a core that following runs takes, idle and with a point each."""
    with open_workspace(shell.env, shell.cwd) as ws:
        homes = [begin_run(ws, "python", "train.py") for _ in range(RUNS)]
    for home in homes:
        log_values(home, "loss", (1 / (step + 1) for step in range(POINTS)))
    pages = open_pages(shell.env, shell.cwd)
    pages.look()
    yield f"{RUNS} runs of {POINTS} points, nothing new: {_share(pages, LOOKS):.2%} of a core"
    events = 0
    began = time.process_time()
    for step in range(LOOKS):
        for home in homes:
            log_values(home, "loss", [0.5], POINTS + step)
        events += len(pages.look())
    share = (time.process_time() - began) / (LOOKS * TICK)
    yield f"a point a run twice a second: {share:.2%} of a core with writing, {events} events"
    pages.close()


def _share(pages: LivePages, looks: int) -> float:
    """Return the share of a core that looks at every `TICK` would take."""
    began = time.process_time()
    for _ in range(looks):
        assert pages.look() == []
    return (time.process_time() - began) / (looks * TICK)


def _timed(pages: LivePages, name: str) -> tuple[bytes, float, float]:
    """Return a document as a browser gets it, with the seconds on the clock and the processor."""
    began, cpu = time.perf_counter(), time.process_time()
    content = pages.document(name)
    return content, time.perf_counter() - began, time.process_time() - cpu


if __name__ == "__main__":
    main()
