"""The page that a run leaves behind: bounds first, then every figure, then what it was measured
on."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.bounds import OURS, Bound
from benchmarks.contest import Sample, Table

METHOD = """\
Each figure is the median of runs that alternate between the tools, each run from a fresh
state, with the page cache warm and everything before it on the disk. Times are of whole processes. A ratio is our
time over the peer's in the same run, and the median of those. Peak memory is the largest single process of a command,
its children included. What was stored is what the store grew by, in bytes of files. What was checked out was compared
with what had been stored, byte by byte, in the first and the last run. A tool that is far behind the others takes part
in the first run alone."""
LIMITS = """\
## What stands behind a bound that is not met

- Adding: git's formats hash everything twice, as objects and as a pack, and what is to be shared in parts has to be
  cut first. The table of the parts has what each takes on one thread. Reading, cutting, twice SHA-1 and writing,
  divided by the cores, is the least that an add can take; a peer that hashes once, by a faster hash, while it copies
  (oxen) is below that. What an add takes beyond it is Adler-32, CRC-32 and XXH3, the interpreter, and cores that wait
  for each other: the column of processor seconds, divided by the cores, is what waiting for nothing would leave.
- Adding text: deflate is the one codec that git reads, and takes longer than all other parts together. ISA-L's first
  level, which is used, is the quickest that there is for it: on two cores it takes half of its time in the table of the
  parts, and all the rest comes on top. Peers that are faster store the text as it is (DVC, oxen), and store more.
- Small files: what is left beside hashing is the interpreter's work for each file, and the file system's, on all cores.
  The file systems of disks take more than one in memory, and hide the interpreter.
- Adding again: `git status` of 20,000 files takes a third of the time in which Python starts and loads what a command
  needs; half of that is its own library (`python -c "import argparse, dataclasses, hashlib, json, pathlib, subprocess,
  typing"`), the rest are its own modules and five git processes.
- Over a connection, the receiving git's `index-pack` decides, at a fifth of the speed of the hash that it checks
  with.
- Memory: git holds its whole index, which is also our stat cache, at some 220 bytes a file: beyond a million files
  its own `diff-files` and `ls-files` pass the bound.
- A disk that is slower than all of this decides alone: git-datmo, borg and restic say that they are done when what
  they added is on it; git-lfs, DVC and oxen leave that to the system. On a file system in memory nobody waits."""
VERDICTS = {True: "met", False: "**not met**", None: "not measured"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a reader has to know beside the figures."""

    command: str
    machine: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    load: tuple[str, str]


def render(tables: Sequence[Table], bounds: Sequence[Bound], facts: Facts) -> str:
    return "\n".join(_lines(tables, bounds, facts)) + "\n"


def _lines(tables: Sequence[Table], bounds: Sequence[Bound], facts: Facts) -> Iterator[str]:
    yield "# Performance"
    yield ""
    yield f"Written by `{facts.command}`."
    yield ""
    yield METHOD
    yield ""
    yield "## Bounds"
    yield ""
    yield from grid(
        ("what", "bound", "measured", ""),
        ((b.what, b.limit, b.measured, VERDICTS[b.met]) for b in bounds),
    )
    yield ""
    yield from LIMITS.split("\n")
    yield ""
    for table in tables:
        yield f"## {table.title[0].upper()}{table.title[1:]}"
        yield ""
        yield from _figures(table)
        yield ""
        for name, why in table.failures.items():
            yield f"{name} failed: `{' '.join(why.split())}`"
            yield ""
    yield "## Machine"
    yield ""
    rows = (
        *facts.machine,
        *facts.versions,
        ("load at the start", facts.load[0]),
        ("load at the end", facts.load[1]),
    )
    yield from grid(("", ""), rows)


def _figures(table: Table) -> Iterator[str]:
    headings = (
        "stage",
        "tool",
        "seconds",
        "runs",
        "range",
        "git-datmo takes",
        "processor s",
        "peak MB",
        "stored MB",
    )
    stages = list(dict.fromkeys(stage for stage, _ in table.samples))
    rows = []
    for stage in stages:
        names = sorted(table.names(stage), key=lambda name: (name != OURS, table.wall(stage, name)))
        for place, name in enumerate(names):
            samples = table.samples[stage, name]
            theirs = name != OURS and table.has(stage, OURS)
            ratio = f"{table.ratio(stage, OURS, name):.2f}" if theirs else ""
            rows.append(
                ("" if place else stage, name, *_cells(samples, ratio), _stored(table, stage, name))
            )
    yield from grid(headings, rows)


def _cells(samples: Sequence[Sample], ratio: str) -> tuple[str, ...]:
    walls = [sample.wall for sample in samples]
    busy = statistics.median(sample.user + sample.system for sample in samples)
    peak = max(sample.peak for sample in samples)
    return (
        f"{statistics.median(walls):.3f}",
        f"{len(walls)}",
        f"{min(walls):.3f}-{max(walls):.3f}",
        ratio,
        f"{busy:.3f}",
        f"{peak / 1e6:.0f}",
    )


def _stored(table: Table, stage: str, name: str) -> str:
    stored = table.stored(stage, name)
    return "" if stored is None else f"{stored / 1e6:.2f}"


def grid(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|{' --- |' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
