"""Many small files: stored, found unchanged, touched, checked out."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import data
from benchmarks.bounds import Bound, beside
from benchmarks.cases.base import KEEPERS, Bench, Outcome, Settings, add, entrant, restore
from benchmarks.contest import Box, Command, Entrant, Stage, Table, compete
from benchmarks.tools.base import Tool

SIZE = 20 << 10
PAYLOAD = "data"


class Small:
    name = "small"
    about = "thousands of small files"

    def space(self, settings: Settings) -> int:
        return 6 * settings.files * SIZE

    def run(self, bench: Bench) -> Outcome:
        count = bench.settings.files
        master = data.folder_of_files(bench.folder / "made" / f"{count}-files", count, SIZE)
        table = Table(f"{count} files of 20 KiB")
        entrants = [entrant(tool, *_stages(tool)) for tool in bench.tools]
        compete(table, [*entrants, reading()], bench.boxes(PAYLOAD, master), bench.settings.runs)
        return [table], list(self._bounds(table))

    def _bounds(self, table: Table) -> Iterator[Bound]:
        yield from beside(table, "add", 0.6, KEEPERS)
        yield from beside(table, "add again", 3, ("git",), what="add again beside git status")
        yield from beside(table, "checkout", 3, ("cp",))


def _stages(tool: Tool) -> Iterator[Stage]:
    yield add(tool)
    yield Stage("add again", tool.unchanged)
    yield Stage("touched, add again", lambda box: touched(tool, box))
    yield restore(tool)


def touched(tool: Tool, box: Box) -> Command | None:
    """New times, old content; what is a link into the store by now cannot be touched so."""
    command = tool.unchanged(box) if tool.leaves_files else None
    if command is not None:
        box.run("find", box.payload, "-type", "f", "-exec", "touch", "{}", "+")
    return command


def reading() -> Entrant:
    """Return the stage that reads the payload: the least work to find touched files unchanged."""
    stage = Stage(
        "touched, add again",
        lambda box: box.command("find", box.payload, "-type", "f", "-exec", "cat", "{}", "+"),
    )
    return Entrant("cat", Box.place, (stage,))
