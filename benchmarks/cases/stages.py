"""Measure the parts of storing a large file: each alone, on one thread, in its own process."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import data
from benchmarks.cases.base import Bench, Outcome, Settings
from benchmarks.contest import Box, Command, Entrant, Stage, Table, compete
from benchmarks.stage_command import STAGES


class Stages:
    name = "stages"
    about = "the parts of storing a large file, one thread each"

    def space(self, settings: Settings) -> int:
        return 4 * settings.large

    def run(self, bench: Bench) -> Outcome:
        size = bench.settings.large
        made = {
            "random bytes": data.random_file(bench.folder / "made" / f"{size}-data.bin", size),
            "CSV text": data.table_file(bench.folder / "made" / f"{size}-data.csv", size),
        }
        table = Table(f"the parts of storing {size / data.MIB:g} MiB, one thread each")
        names = [
            (stage, what)
            for what in made
            for stage in STAGES
            if what == "random bytes" or "deflate" in stage
        ]
        entrants = [_entrant(stage, what, made[what]) for stage, what in names]
        compete(table, entrants, bench.boxes(), bench.settings.runs)
        return [table], []


def _entrant(stage: str, what: str, path: Path) -> Entrant:
    def prepare(box: Box) -> Command:
        argv = (
            sys.executable,
            "-m",
            "benchmarks.stage_command",
            stage,
            str(path),
            str(box.side / "target"),
        )
        return Command(argv, Path(__file__).parents[2])

    return Entrant(f"{stage} ({what})", lambda _: None, (Stage("alone", prepare),))
