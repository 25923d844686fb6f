"""Two million small files: what they take up, what could be freed, and the memory of their push."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks import data
from benchmarks.bounds import Bound, within
from benchmarks.cases.base import Bench, Outcome, Settings
from benchmarks.contest import Box, Command, Entrant, Stage, Table, compete
from benchmarks.tools.ours import Ours
from tests.support.servers.daemon import DaemonHost, serve_daemon
from tests.support.shell import seal

SIZE = 100
PAYLOAD = "data"
# Apart from the name that bounds on the peak memory of all cases go by: a push has git's own index
# in it.
ENTRANT = "git-datmo and git"
DU, GC, PUSH, PACK = "du", "gc", "push", "git pack-objects of the same"
SECONDS, MEMORY = 15, 300


class Crowd:
    """The files are made once; each run stores them anew, and pushes to a new repository over a
    connection."""

    name = "crowd"
    about = "two million small files: du, gc and push (slow)"

    def space(self, settings: Settings) -> int:
        return 4 * settings.crowd * 4096

    def run(self, bench: Bench) -> Outcome:
        count = bench.settings.crowd
        table = Table(f"{count} files of {SIZE} bytes")
        house = Box(bench.folder / "crowd", PAYLOAD)
        try:
            data.folder_of_files(house.data, count, SIZE)
            with serve_daemon(seal(bench.folder / "daemon", bare=False)) as host:
                compete(table, [_entrant(house, host)], bench.boxes(), bench.settings.runs)
        finally:
            house.delete()
        return [table], list(self._bounds(table))

    def _bounds(self, table: Table) -> Iterator[Bound]:
        for stage in (DU, GC):
            if table.has(stage, ENTRANT):
                yield within(f"{table.title}: {stage}", table.wall(stage, ENTRANT), SECONDS, "s")
        if table.has(PUSH, ENTRANT) and table.has(PACK, ENTRANT):
            ours, gits = (
                max(s.peak for s in table.samples[stage, ENTRANT]) for stage in (PUSH, PACK)
            )
            yield within(
                f"{table.title}: memory of the push beyond git's own",
                (ours - gits) / 1e6,
                MEMORY,
                "MB",
            )


def _entrant(house: Box, host: DaemonHost) -> Entrant:
    tool = Ours()

    def hub(box: Box) -> Path:
        return box.side / "hub.git"

    def store() -> Path:
        return house.work / ".git" / "datmo" / "store.git"

    def begin(box: Box) -> None:
        house.run("rm", "-rf", ".git")
        tool.start(house)
        box.run("git", "init", "-q", "--bare", str(hub(box)))
        house.perform(tool.add(house))
        tool.keep(house)

    def pack(_: Box) -> Command:
        ids = f"git --git-dir='{store()}' cat-file --batch-all-objects --batch-check='%(objectname)' --unordered"
        return house.shell(
            f"{ids} | git --git-dir='{store()}' pack-objects -q --stdout >'{house.side / 'pack'}'"
        )

    stages = (
        Stage(DU, lambda _: house.command("git", "datmo", "du")),
        Stage(GC, lambda _: house.command("git", "datmo", "gc")),
        Stage(PACK, pack),
        Stage(PUSH, lambda box: tool.publish(house, host.url(hub(box)))),
    )
    return Entrant(ENTRANT, begin, stages)
