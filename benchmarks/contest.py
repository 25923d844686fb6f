"""Entrants go through the same stages, in turn, run by run; what each stage took is kept in a
table."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.shell import seal

TIMER = Path(__file__).with_name("timer.py")
# Seconds after which a tool that is far behind sits out the runs that follow.
LONG = 60
# Nothing of git may go on in the background while something else is timed.
QUIET_GIT = "[gc]\n\tauto = 0\n\tautoDetach = false\n[maintenance]\n\tauto = false\n[receive]\n\tautogc = false\n"


class CommandFailed(Exception):
    """A command of a tool ended with an error."""


@dataclass(frozen=True, slots=True)
class Command:
    """Command that is timed: one process, or a shell line where a tool needs several."""

    argv: tuple[str, ...]
    cwd: Path
    environ: Mapping[str, str] = field(default_factory=dict)


class Box:
    """Folders of one run of one entrant: a home, a working folder and a folder for the rest."""

    def __init__(self, folder: Path, payload: str = "", master: Path | None = None) -> None:
        self.folder, self.payload, self.master = folder, payload, master
        self.work, self.side = folder / "work", folder / "side"
        self.work.mkdir(parents=True)
        self.side.mkdir()
        self.env = seal(folder / "home", bare=False)
        with open(self.env["GIT_CONFIG_GLOBAL"], "a") as config:
            config.write(QUIET_GIT)
        self.taken = 0

    @property
    def data(self) -> Path:
        """Return the payload in the working folder."""
        return self.work / self.payload

    def place(self) -> None:
        """Put a copy of the payload into the working folder, with its old times."""
        assert self.master is not None
        self.run("cp", "-a", str(self.master), str(self.data))

    def remove(self) -> None:
        """Remove the payload, as in a new clone."""
        self.run("rm", "-rf", str(self.data))

    def run(self, *argv: str, cwd: Path | None = None, stdin: bytes = b"", **environ: str) -> str:
        """Run something that is not timed; what it printed."""
        done = subprocess.run(
            argv,
            cwd=cwd or self.work,
            env={**self.env, **environ},
            input=stdin,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise CommandFailed(
                f"{' '.join(argv)}: {done.stderr.decode('utf-8', 'replace').strip()[-500:]}"
            )
        return done.stdout.decode("utf-8", "replace")

    def command(self, *argv: str, cwd: Path | None = None, **environ: str) -> Command:
        return Command(argv, cwd or self.work, environ)

    def shell(self, line: str, cwd: Path | None = None, **environ: str) -> Command:
        return Command(("sh", "-ec", line), cwd or self.work, environ)

    def perform(self, command: Command) -> None:
        """Run a command that is not timed."""
        self.run(*command.argv, cwd=command.cwd, stdin=b"", **command.environ)

    def time(self, command: Command) -> Sample:
        """Run a command to its end, everything written before being on the disk."""
        report, errors = self.folder / "report.json", self.folder / "errors"
        os.sync()
        argv = [sys.executable, "-I", "-S", str(TIMER), str(report), str(errors), *command.argv]
        subprocess.run(argv, cwd=command.cwd, env={**self.env, **command.environ}, check=True)
        figures = json.loads(report.read_text())
        if figures.pop("status"):
            raise CommandFailed(
                f"{' '.join(command.argv)}: {errors.read_text(errors='replace').strip()[-500:]}"
            )
        return Sample(**figures)

    def delete(self) -> None:
        # Some tools protect what they store against writing, the folders too.
        subprocess.run(
            ["chmod", "-R", "u+w", str(self.folder)], check=False, stderr=subprocess.DEVNULL
        )
        shutil.rmtree(self.folder)


@dataclass(slots=True)
class Sample:
    """One timed run: seconds, bytes of memory at the peak, bytes that the store grew by (None: not
    asked)."""

    wall: float
    user: float
    system: float
    peak: int
    stored: int | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One step that is timed: `prepare` gives the command, or None where the entrant has no such
    step."""

    name: str
    prepare: Callable[[Box], Command | None]
    check: Callable[[Box], None] | None = None


@dataclass(frozen=True, slots=True)
class Entrant:
    """Tool that takes part.

    `begin` makes the state that the stages start from. `stored` returns the size of the store.
    """

    name: str
    begin: Callable[[Box], None]
    stages: tuple[Stage, ...]
    stored: Callable[[Box], int | None] = lambda _: None


@dataclass(slots=True)
class Table:
    """Measurements by stage and entrant, one sample a run."""

    title: str
    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def add(self, stage: str, name: str, sample: Sample) -> None:
        self.samples.setdefault((stage, name), []).append(sample)

    def has(self, stage: str, name: str) -> bool:
        return (stage, name) in self.samples

    def names(self, stage: str) -> list[str]:
        return [name for at, name in self.samples if at == stage]

    def wall(self, stage: str, name: str) -> float:
        return statistics.median(sample.wall for sample in self.samples[stage, name])

    def stored(self, stage: str, name: str) -> int | None:
        sizes = [sample.stored for sample in self.samples[stage, name] if sample.stored is not None]
        return int(statistics.median(sizes)) if sizes else None

    def ratio(self, stage: str, name: str, peer: str, *, at: str = "") -> float:
        """Return the median ratio of the times of `name` and `peer`, paired run by run.

        `at` is the stage of the peer, if it is another.
        """
        mine, theirs = self.samples[stage, name], self.samples[at or stage, peer]
        return statistics.median(a.wall / b.wall for a, b in zip(mine, theirs, strict=False))

    def fastest(self, stage: str, names: Sequence[str]) -> str:
        """Return the quickest of the measured tools; '' for none."""
        present = [name for name in names if self.has(stage, name)]
        return min(present, key=lambda name: self.wall(stage, name), default="")


def compete(
    table: Table, entrants: Sequence[Entrant], make_box: Callable[[str], Box], runs: int
) -> Table:
    """Let all entrants go through their stages `runs` times, each run beginning with another one.

    One that takes very long takes part in the first run only: it decides no comparison.
    """
    out: set[str] = set()
    for number in range(runs):
        shift = number % len(entrants)
        spent: dict[str, float] = {}
        for entrant in [*entrants[shift:], *entrants[:shift]]:
            if entrant.name not in out:
                spent[entrant.name] = _go(table, entrant, make_box, check=number in {0, runs - 1})
        out |= set(table.failures)
        out |= {
            name
            for name, wall in spent.items()
            if wall > max(LONG, 5 * statistics.median(spent.values()))
        }
    return table


def _go(table: Table, entrant: Entrant, make_box: Callable[[str], Box], *, check: bool) -> float:
    """One run of one entrant; the seconds of its timed commands."""
    box, spent = make_box(entrant.name), 0.0
    try:
        entrant.begin(box)
        for stage in entrant.stages:
            command = stage.prepare(box)
            if command is None:
                continue
            before = entrant.stored(box)
            sample = box.time(command)
            after = entrant.stored(box)
            sample.stored = after - before if after is not None and before is not None else None
            if check and stage.check is not None:
                stage.check(box)
            table.add(stage.name, entrant.name, sample)
            spent += sample.wall
            print(
                f"  {table.title}: {entrant.name}, {stage.name}: {sample.wall:.3f} s",
                file=sys.stderr,
                flush=True,
            )
    except CommandFailed as error:
        table.failures[entrant.name] = str(error)
        print(f"  {table.title}: {entrant.name} failed: {error}", file=sys.stderr, flush=True)
    finally:
        box.delete()
    return spent
