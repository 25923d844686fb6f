"""A large file that is stored changes a little, and is stored again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks import data
from benchmarks.bounds import OURS, Bound, beside, within
from benchmarks.cases.base import Bench, Outcome, Settings, add, entrant, restore
from benchmarks.cases.small import reading, touched
from benchmarks.contest import Box, Command, Stage, Table, compete
from benchmarks.tools.base import Tool

PAYLOAD = "data.bin"
INSERTED = data.MIB
INSERT = "1 MiB inserted at the front"


class Change:
    name = "change"
    about = "one large file, touched, appended to, inserted into"

    def space(self, settings: Settings) -> int:
        return 8 * settings.large

    def run(self, bench: Bench) -> Outcome:
        size = bench.settings.large
        master = data.random_file(bench.folder / "made" / f"{size}-{PAYLOAD}", size)
        table = Table(f"a change to {size / data.MIB:g} MiB")
        # A copy knows of no change, and what git-annex stored is a link that has to be unlocked
        # first.
        tools = [tool for tool in bench.without("cp") if tool.leaves_files]
        entrants = [entrant(tool, *_stages(tool, size)) for tool in tools]
        compete(table, [*entrants, reading()], bench.boxes(PAYLOAD, master), bench.settings.runs)
        return [table], list(self._bounds(table))

    def _bounds(self, table: Table) -> Iterator[Bound]:
        if table.has(INSERT, OURS):
            yield from beside(table, INSERT, 0.6, (OURS,), at="add")
            new = table.stored(INSERT, OURS) or 0
            yield within(
                f"{table.title}: new bytes of {INSERT}",
                new / 1e6,
                (1.5 * INSERTED + data.MIB) / 1e6,
                "MB",
            )


def _stages(tool: Tool, size: int) -> Iterator[Stage]:
    yield add(tool)
    yield Stage("touched, add again", lambda box: touched(tool, box))
    yield Stage(
        "1% appended", lambda box: changed(tool, partial(data.append, size=size // 100), box)
    )
    yield Stage(
        INSERT, lambda box: changed(tool, partial(data.insert_at_front, size=INSERTED), box)
    )
    last = restore(tool)
    yield Stage("checkout", lambda box: _restore_changed(last, box), last.check)


def changed(tool: Tool, change: Callable[[Path], None], box: Box) -> Command | None:
    tool.keep(box)
    change(box.data)
    return tool.add(box)


def _restore_changed(stage: Stage, box: Box) -> Command | None:
    """Prepare the stage so that it must restore the file as it is now."""
    now = box.side / "now"
    box.run("cp", str(box.data), str(now))
    box.master = now
    return stage.prepare(box)
