"""Commands and hooks that have next to nothing to do, and the log of a long history."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.bounds import OURS, Bound, within
from benchmarks.cases.base import Bench, Outcome, Settings
from benchmarks.cases.history import FIRST_QUERY, QUERY, make_history, query_stages
from benchmarks.contest import Box, Command, Entrant, Stage, Table, compete
from benchmarks.tools.ours import Ours

PYTHON = "python -c pass"
# These runs are short, so there can be more of them.
TIMES_RUNS = 5
HOOKS = ("post-commit", "post-checkout", "post-merge", "pre-push")


class Startup:
    name = "startup"
    about = "start-up, hooks with nothing to do, log of a long history"

    def space(self, settings: Settings) -> int:
        return 1 << 30 if settings.snapshots else 1 << 20

    def run(self, bench: Bench) -> Outcome:
        short = Table("start-up")
        house = Box(bench.folder / "startup", "data.bin")
        try:
            _share_something(house)
            compete(
                short,
                [_ours(house), *_others(house)],
                bench.boxes(),
                TIMES_RUNS * bench.settings.runs,
            )
        finally:
            house.delete()
        long = Table(f"a history of {bench.settings.snapshots} snapshots")
        house = Box(bench.folder / "history", "data.bin")
        try:
            make_history(house, bench.settings.snapshots)
            compete(
                long, [_logs(house, bench.settings.snapshots)], bench.boxes(), bench.settings.runs
            )
        finally:
            house.delete()
        return [short, long], [*self._bounds(short), *self._long_bounds(long)]

    def _bounds(self, table: Table) -> Iterator[Bound]:
        stages = [stage for stage, name in table.samples if name == OURS]
        for stage in stages:
            limit = 40 if stage == "--version" else 120
            yield within(f"{stage}, beyond {PYTHON}", 1000 * _beyond(table, stage), limit, "ms")

    def _long_bounds(self, table: Table) -> Iterator[Bound]:
        if table.has("log", OURS):
            yield within(f"log, {table.title}", table.wall("log", OURS), 1, "s")
        for stage, limit in ((FIRST_QUERY, 3), (QUERY, 0.3)):
            if table.has(stage, OURS):
                yield within(f"{stage}, {table.title}", table.wall(stage, OURS), limit, "s")


def _beyond(table: Table, stage: str) -> float:
    """Return the seconds of a command beyond a bare interpreter, paired run by run."""
    pairs = zip(table.samples[stage, OURS], table.samples[PYTHON, "python"], strict=False)
    return statistics.median(mine.wall - bare.wall for mine, bare in pairs)


def _share_something(house: Box) -> None:
    """A repository with a payload and a snapshot, all of it on a remote."""
    tool, hub = Ours(), house.side / "hub.git"
    house.run("git", "init", "-q", "--bare", str(hub))
    tool.start(house)
    house.data.write_bytes(bytes(range(256)) * 4096)
    house.run("git", "datmo", "add-data", house.payload)
    tool.keep(house)
    house.run("git", "remote", "add", "origin", str(hub))
    house.run("git", "push", "-q", "-u", "origin", "main")


def _ours(house: Box) -> Entrant:
    def fixed(command: Command) -> Callable[[Box], Command]:
        return lambda _: command

    verbs = {"--version": ("--version",), "status": ("status",), "log -1": ("log", "-n", "1")}
    stages = [
        Stage(name, fixed(house.command("git", "datmo", *words))) for name, words in verbs.items()
    ]
    head = house.run("git", "rev-parse", "HEAD").strip()
    ref = f"refs/heads/main {head}"
    words = {"post-commit": "", "post-checkout": f"{head} {head} 1", "post-merge": "0"}
    lines = {name: f".git/hooks/{name} {words[name]}" for name in words}
    lines["pre-push"] = f"echo '{ref} {ref}' | .git/hooks/pre-push origin {house.side / 'hub.git'}"
    stages += [Stage(f"hook {name}", fixed(house.shell(lines[name]))) for name in HOOKS]
    return Entrant(OURS, lambda _: None, tuple(stages))


def _others(house: Box) -> Iterator[Entrant]:
    yield Entrant(
        "python", lambda _: None, (Stage(PYTHON, lambda _: house.command("python", "-c", "pass")),)
    )
    yield Entrant(
        "git",
        lambda _: None,
        (Stage("status", lambda _: house.command("git", "status", "--porcelain")),),
    )


def _logs(house: Box, count: int) -> Entrant:
    def first(_: Box) -> Command:
        Path(house.work, ".git", "datmo", "catalog").unlink(missing_ok=True)
        return house.command("git", "datmo", "log")

    stages = (
        *query_stages(house, count),
        Stage("log, no catalog yet", first),
        Stage("log", lambda _: house.command("git", "datmo", "log")),
        Stage("log -1", lambda _: house.command("git", "datmo", "log", "-n", "1")),
        Stage("status", lambda _: house.command("git", "datmo", "status")),
    )
    return Entrant(OURS, lambda _: None, stages)
