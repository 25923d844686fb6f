"""The page that a run leaves behind: bounds first, then every figure, then what it was measured
on."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.bounds import OURS, Bound
from benchmarks.contest import Sample, Table

METHOD = """\
Each figure is the median of several runs. The tools take turns. Each run starts from a fresh state, with a warm page
cache, after all earlier writes have reached the disk. Times are those of whole processes. A ratio divides the time of
git-datmo by the time of the other tool in the same run; the tables show the median ratio. Peak memory is that of the
largest single process of a command, including its children. "Stored" is the growth of the store, in bytes of files. In
the first and the last run, the files of each checkout were compared with the originals byte by byte. A tool that is
much slower than the others takes part only in the first run."""
LIMITS = """\
## Reasons for bounds that are not met

- Adding: git's formats hash all bytes twice, once as objects and once as a pack. Before that, git-datmo cuts files into
  chunks, so that parts of a file can be shared. The table of the parts shows the time of each step on one thread. The
  least time of an add is that of reading, cutting, SHA-1 twice and writing, divided by the number of cores. A tool that
  hashes once, with a faster hash, while it copies (oxen) needs less. An add takes longer than the least time because of
  Adler-32, CRC-32 and XXH3, the interpreter, and cores that wait for each other. Without waiting, it would take the
  processor seconds divided by the number of cores.
- Adding text: deflate is the only codec that git reads, and it takes longer than all other steps together. git-datmo uses
  level 1 of ISA-L, the fastest implementation. On two cores, it takes half of its time in the table of the parts; the
  other steps come on top. The faster tools (DVC, oxen) do not compress, and store more.
- Small files: apart from hashing, the time is the work of the interpreter and of the file system for each file, on all
  cores. File systems on disks take longer than one in memory, and hide the time of the interpreter.
- Adding again: Python needs three times as long to start and to load the modules of a command as `git status` needs for
  20,000 files. Half of that time is Python's standard library (`python -c "import argparse, dataclasses, hashlib, json,
  pathlib, subprocess, typing"`). The rest is git-datmo's modules and five git processes.
- Over a connection, `index-pack` of the receiving git sets the pace. It runs at a fifth of the speed of the hash that it
  computes.
- Memory: git loads its whole index, which is also git-datmo's stat cache, with about 220 bytes a file. Above a million
  files, git's own `diff-files` and `ls-files` exceed the bound.
- A slow disk decides the time alone. git-datmo, borg and restic end when the added data are on the disk. git-lfs, DVC and
  oxen do not wait for the disk. On a file system in memory, no tool waits."""
VERDICTS = {True: "met", False: "**not met**", None: "not measured"}


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts that a reader needs to understand the figures."""

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
