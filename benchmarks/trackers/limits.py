"""Measure what git-datmo alone promises: runs, event files, queries and long curves."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import data
from benchmarks.bounds import OURS
from benchmarks.cases.base import Bench, Settings
from benchmarks.cases.curves import Curves
from benchmarks.cases.history import (
    FIRST_QUERY,
    QUERY,
    make_history,
    query_finds,
    query_stages,
    query_words,
)
from benchmarks.contest import Box, CommandFailed, Entrant, Table, compete
from benchmarks.trackers.rows import Beyond, Figure, Row, Spent, beyond, bounded
from git_datmo.readers.tensorboard_reader import read
from tests.support.event_files import event, simple, tfrecord, version_event

RUN_LIMIT, READ_LIMIT = 0.4, 1
QUERY_LIMITS = {FIRST_QUERY: 3, QUERY: 0.3}
FILE_SIZE = 1024


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of the data, and the number of times that each command is timed."""

    runs: int
    files: int
    scalars: int
    experiments: int
    commits: int


def measure_run(folder: Path, sizes: Sizes) -> Iterator[Row]:
    """Yield the cost of `git datmo run -- true` beyond its command, among many payload files."""
    spent = Spent()
    house = Box(folder / "run", "data")
    try:
        spent.during(_fill, house, sizes.files)
        taken = list[Beyond]()
        for _ in range(5 * sizes.runs):
            alone = spent.during(house.time, house.command("true"))
            run = spent.during(house.time, house.command("git", "datmo", "run", "--", "true"))
            taken.append(beyond(alone, run))
        recorded = house.run("git", "datmo", "log", "--oneline").count("true")
        if recorded < len(taken):
            raise CommandFailed(f"{recorded} of {len(taken)} runs are recorded")
    finally:
        house.delete()
    wall, cpu = (statistics.median(column) for column in zip(*taken, strict=True))
    what = f"`git datmo run -- true` beside {sizes.files:,} payload files, beyond `true`"
    figure = Figure(wall, "s", cpu)
    yield bounded(OURS, what, figure, RUN_LIMIT, spent)


def _fill(house: Box, files: int) -> None:
    """Make a repository with a snapshot of many payload files."""
    house.run("git", "init", "-q")
    (house.work / "code.py").write_text("pass\n")
    house.run("git", "add", "code.py")
    house.run("git", "commit", "-q", "-m", "code")
    house.run("git", "datmo", "init")
    data.folder_of_files(house.data, files, FILE_SIZE)
    (house.work / "data.done").unlink()
    house.run("git", "datmo", "add-data", house.payload)
    house.run("git", "datmo", "snapshot", "-m", "data")


def measure_event_file(folder: Path, sizes: Sizes) -> Iterator[Row]:
    """Yield the time to read an event file, whose values are compared with the written ones."""
    path, spent = folder / "events.out.tfevents.1", Spent()
    values = [step / 1024 for step in range(sizes.scalars)]
    spent.during(_write_events, path, values)
    times, busy = list[float](), list[float]()
    for _ in range(5 * sizes.runs):
        begun, used = time.perf_counter(), time.process_time()
        (run,) = spent.during(lambda: list(read(path)))
        times.append(time.perf_counter() - begun)
        busy.append(time.process_time() - used)
        if list(run.series["loss"].values) != values:
            raise CommandFailed("the event file was not read as it was written")
    path.unlink()
    figure = Figure(statistics.median(times), "s", statistics.median(busy))
    yield bounded(OURS, f"event file of {sizes.scalars:,} scalars, read", figure, READ_LIMIT, spent)


def _write_events(path: Path, values: list[float]) -> None:
    with path.open("wb") as file:
        file.write(tfrecord(version_event(1.7e9)))
        for step, value in enumerate(values):
            file.write(tfrecord(event(1.7e9 + step, step, simple("loss", value))))


def measure_queries(folder: Path, sizes: Sizes) -> Iterator[Row]:
    """Yield the time of a query without and with git-datmo's caches."""
    preparing, house = Spent(), Box(folder / "history", "data.bin")
    title = f"{sizes.experiments:,} experiments on {sizes.commits:,} commits"
    table = Table(title)
    try:
        preparing.during(make_history, house, sizes.experiments, sizes.commits)
        stages = query_stages(house, sizes.experiments)
        entrant = Entrant(OURS, lambda _: None, stages)
        compete(table, [entrant], lambda name: Box(folder / "runs" / name), sizes.runs)
        if table.failures:
            raise CommandFailed(table.failures[OURS])
        printed = house.run("git", "datmo", *query_words(sizes.experiments)).splitlines()
    finally:
        house.delete()
    expected = query_finds(sizes.experiments)
    if len(printed) != len(expected) or not all(
        name in line for name, line in zip(expected, printed, strict=True)
    ):
        raise CommandFailed(f"the query printed {len(printed)} lines, not {len(expected)}")
    for stage, limit in QUERY_LIMITS.items():
        samples = table.samples[stage, OURS]
        cpu = statistics.median(sample.user + sample.system for sample in samples)
        spent = Spent(
            sum(sample.wall for sample in samples),
            sum(sample.user + sample.system for sample in samples),
        )
        figure = Figure(table.wall(stage, OURS), "s", cpu)
        yield bounded(OURS, f"{stage}: {title}", figure, limit, spent)


def measure_curves(folder: Path, sizes: Sizes) -> Iterator[Row]:
    """Yield the size of a long curve in the store, and the time to read it for a view."""
    spent = Spent()
    bench = Bench(folder, Settings(sizes.runs, 0, 0, 0, 0, 0, 0), ())
    _, bounds = spent.during(Curves().run, bench)
    for number, bound in enumerate(bounds):
        yield Row(OURS, bound, Spent() if number else spent)
