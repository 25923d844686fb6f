"""Measure the cost of `git datmo run` beyond its command: `python -m benchmarks.projects.overhead`.

Pairs are interleaved and the least of each side counts, since a machine's other work only ever
adds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import load
from git_datmo.engines.run_journal import observing_variables, prepare_journal
from tests.support.shell import seal

EXAMPLES = Path(__file__).parents[2] / "examples"
MAKE = """\
import os, sys
count = int(sys.argv[1])
for number in range(count):
    if number % 1000 == 0:
        os.makedirs(f"out/{number // 1000:03d}", exist_ok=True)
    with open(f"out/{number // 1000:03d}/{number:06d}.txt", "w") as file:
        file.write(str(number))
"""
RUN_LIMIT, OBSERVE_LIMIT, OUTPUTS_LIMIT = 0.4, 0.02, 3.0


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds of a command and its children: on the clock and of the processor."""

    wall: float
    cpu: float


class Repository:
    """A fresh repository with git-datmo, in which commands are timed."""

    def __init__(self, folder: Path, files: Mapping[str, str]) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.env = seal(folder.parent / "home", bare=False)
        for name, text in files.items():
            (folder / name).write_text(text)
        for step in ("git init -q .", "git datmo init", "git add -A", "git commit -q -m Begin"):
            self.time(*step.split())

    def time(self, *argv: str) -> Taken:
        return timed(argv, self.folder, self.env)


def timed(argv: Sequence[str], folder: Path, env: Mapping[str, str]) -> Taken:
    """Run a command; raises `CalledProcessError` where it fails."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        argv, cwd=folder, env=dict(env), stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Taken(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def least(pairs: int, one: Callable[[], Taken], other: Callable[[], Taken]) -> tuple[Taken, Taken]:
    """Return the least of each of two, run in turns after one turn that does not count."""
    one(), other()
    taken = [(one(), other()) for _ in range(pairs)]
    firsts, seconds = zip(*taken, strict=True)
    return _least(firsts), _least(seconds)


def _least(taken: Sequence[Taken]) -> Taken:
    return Taken(min(each.wall for each in taken), min(each.cpu for each in taken))


def measure_trivial(folder: Path, pairs: int) -> None:
    """Compare `git datmo run -- COMMAND` with the command, for the least that a shell and a Python
    do."""
    repo = Repository(folder / "trivial" / "work", {"code.py": "pass\n"})
    for command in (("true",), ("python", "code.py")):

        def alone(command: tuple[str, ...] = command) -> Taken:
            return repo.time(*command)

        def run(command: tuple[str, ...] = command) -> Taken:
            return repo.time("git", "datmo", "run", "--", *command)

        one, other = least(pairs, alone, run)
        more = f"{other.wall:.3f} s beside {one.wall:.3f} s; of the processor {other.cpu - one.cpu:.3f} s more"
        say(f"run -- {' '.join(command)}", other.wall - one.wall, RUN_LIMIT, more)


def measure_observing(folder: Path, pairs: int) -> None:
    """Compare each example with and without the observer."""
    for example in sorted(path for path in EXAMPLES.iterdir() if (path / "train.py").is_file()):
        place = folder / example.name
        shutil.copytree(example, place / "work")
        env = seal(place / "home", bare=False)
        writer = EXAMPLES / "digits" / "write_images.py"
        timed([sys.executable, str(writer), "data/digits"], place / "work", env)
        prepare_journal(place / "journal")
        observed = {**env, **observing_variables(env, place / "journal", "journal")}

        def alone(work: Path = place / "work", env: Mapping[str, str] = env) -> Taken:
            return timed([sys.executable, "train.py"], work, env)

        def seen(work: Path = place / "work", env: Mapping[str, str] = observed) -> Taken:
            return timed([sys.executable, "train.py"], work, env)

        one, other = least(pairs, alone, seen)
        more = f"{other.wall:.3f} s beside {one.wall:.3f} s; of the processor {other.cpu:.3f} s beside {one.cpu:.3f} s"
        say(f"observing {example.name}", other.wall / one.wall - 1, OBSERVE_LIMIT, more)


def measure_outputs(folder: Path, count: int, turns: int) -> None:
    """Compare a run beyond its command that writes many files with `git status`, and with storing
    them, alone."""
    beyond, status, add = list[float](), list[float](), list[float]()
    for turn in range(turns):
        repo = Repository(folder / f"outputs-{turn}" / "work", {"make.py": MAKE})
        repo.time("python", "make.py", str(count))
        status.append(repo.time("git", "status", "--porcelain", "-uall").wall)
        add.append(repo.time("git", "datmo", "add-data", "out").wall)
        shutil.rmtree(folder / f"outputs-{turn}")
        repo = Repository(folder / f"outputs-{turn}" / "work", {"make.py": MAKE})
        took = repo.time("git", "datmo", "run", "--", "python", "make.py", str(count)).wall
        log = subprocess.run(
            ["git", "datmo", "log", "--json"],
            cwd=repo.folder,
            env=repo.env,
            capture_output=True,
            check=True,
        ).stdout
        beyond.append(took - json.loads(log.splitlines()[0])["run"]["seconds"])
        shutil.rmtree(folder / f"outputs-{turn}")
    more = f"{min(beyond):.1f} s beyond the command; git status {min(status):.2f} s, add-data {min(add):.1f} s"
    say(f"{count:,} outputs", min(beyond) / min(status), OUTPUTS_LIMIT, more)


def say(what: str, value: float, limit: float, more: str) -> None:
    verdict = "kept" if value <= limit else "NOT KEPT"
    print(f"{what}: {value:.3f}, at most {limit}: {verdict} ({more})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.projects.overhead", description=__doc__
    )
    parser.add_argument(
        "--pairs", type=int, default=20, help="pairs of short commands (%(default)s)"
    )
    parser.add_argument(
        "--outputs", type=int, default=200_000, metavar="N", help="files (%(default)s), 0 for none"
    )
    parser.add_argument(
        "--turns", type=int, default=3, help="how often many files are written (%(default)s)"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="where to work (%(default)s)",
    )
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="datmo-overhead-", dir=options.folder)).resolve()
    print(f"load {load()}, {os.cpu_count()} cores")
    try:
        measure_trivial(folder, options.pairs)
        measure_observing(folder, options.pairs)
        if options.outputs:
            measure_outputs(folder, options.outputs, options.turns)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"load {load()}")


if __name__ == "__main__":
    main()
