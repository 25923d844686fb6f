"""A large file is pushed to an empty repository, and a clone checks it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks import data
from benchmarks.bounds import Bound, beside
from benchmarks.cases.base import Bench, Outcome, Settings, same
from benchmarks.contest import Box, Command, Entrant, Stage, Table, compete
from benchmarks.tools.base import Tool
from tests.support.servers.daemon import serve_daemon
from tests.support.shell import seal

PAYLOAD = "data.bin"
# The tools that copy the store into a clone. Git-lfs makes hard links within one file system, and a
# backup program restores the files alone.
COPYING = ("git", "git-annex", "DVC")
CLONE = "clone and checkout"

Address = Callable[[Path], str]


class Share:
    name = "share"
    about = "push of one large file and clone of it, in a folder and over a connection"

    def space(self, settings: Settings) -> int:
        return 8 * settings.push

    def run(self, bench: Bench) -> Outcome:
        size = bench.settings.push
        master = data.random_file(bench.folder / "made" / f"{size}-{PAYLOAD}", size)
        folder = Table(f"{size / data.MIB:g} MiB to a folder")
        self._compete(bench, folder, master, bench.without("cp", "oxen"), str)
        connection = Table(f"{size / data.MIB:g} MiB over a connection (git daemon)")
        with serve_daemon(seal(bench.folder / "daemon", bare=False)) as host:
            self._compete(bench, connection, master, bench.only("git-datmo", "git"), host.url)
        return [folder, connection], list(self._bounds(folder, connection))

    def _compete(
        self, bench: Bench, table: Table, master: Path, tools: Sequence[Tool], address: Address
    ) -> None:
        entrants = [_entrant(tool, address) for tool in tools]
        compete(table, entrants, bench.boxes(PAYLOAD, master), bench.settings.runs)

    def _bounds(self, folder: Table, connection: Table) -> Iterator[Bound]:
        yield from beside(folder, "push", 1, ("DVC",))
        yield from beside(folder, CLONE, 0.7, COPYING)
        yield from beside(connection, "push", 0.5, ("git",))


def _entrant(tool: Tool, address: Address) -> Entrant:
    def hub(box: Box) -> Path:
        return box.side / "hub.git"

    def begin(box: Box) -> None:
        box.run("git", "init", "-q", "--bare", str(hub(box)))
        # As the hosts have it where people share code.
        box.run("git", "-C", str(hub(box)), "config", "uploadpack.allowFilter", "true")
        tool.start(box)
        box.place()
        tool.collect(box)

    def push(box: Box) -> Command | None:
        return tool.publish(box, address(hub(box)))

    def clone(box: Box) -> Command | None:
        return tool.obtain(box, address(hub(box)))

    def check(box: Box) -> None:
        same(box, box.folder / "clone" / box.payload)

    return Entrant(tool.name, begin, (Stage("push", push), Stage(CLONE, clone, check)))
