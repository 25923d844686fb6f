"""One large file: stored, and checked out of the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks import data
from benchmarks.bounds import Bound, beside
from benchmarks.cases.base import (
    Bench,
    Outcome,
    Settings,
    add,
    entrant,
    restore,
    smaller_than_others,
)
from benchmarks.contest import Table, compete

RIVALS = ("git-lfs", "DVC", "borg", "restic")
# What they do beside copying (encryption, a stronger compression) takes time where the text is
# stored and not here.
SMALLER = ("restic", "borg -C zstd")


class Large:
    """Incompressible bytes: `random`; a table of text: `text`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.about = {"random": "one incompressible file", "text": "one large CSV file"}[name]

    def space(self, settings: Settings) -> int:
        return 6 * settings.large

    def run(self, bench: Bench) -> Outcome:
        size = bench.settings.large
        payload = "data.bin" if self.name == "random" else "data.csv"
        make = data.random_file if self.name == "random" else data.table_file
        master = make(bench.folder / "made" / f"{size}-{payload}", size)
        table = Table(
            f"{size / data.MIB:g} MiB of {'random bytes' if self.name == 'random' else 'CSV text'}"
        )
        entrants = [entrant(tool, add(tool), restore(tool)) for tool in bench.tools]
        compete(table, entrants, bench.boxes(payload, master), bench.settings.runs)
        self._forget(master)
        return [table], list(self._bounds(table))

    def _forget(self, master: Path) -> None:
        # The incompressible file serves the next case too.
        if self.name == "text":
            master.unlink()

    def _bounds(self, table: Table) -> Iterator[Bound]:
        yield from beside(table, "add", 0.55, RIVALS)
        yield from beside(table, "add", 1, ("oxen",))
        if self.name == "text":
            yield smaller_than_others(table, "add", SMALLER)
        else:
            yield from beside(table, "checkout", 2.5, ("cp",))
