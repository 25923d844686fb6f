"""Measure `git datmo serve` beside other model servers: `python -m benchmarks.serving`.

All servers have one worker, and the same request of one image. They are started one after the
other, and then take turns, so that other work of the machine slows all of them.
"""

from __future__ import annotations

import argparse
import contextlib
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.bounds import OURS
from benchmarks.machine import describe, load
from benchmarks.page import grid
from benchmarks.section import replace_section
from benchmarks.serving import HEADING, models
from benchmarks.serving.load import Turn, ask, memory, take_turn
from benchmarks.serving.servers import KINDS, NAMES, Kind, Server, start

COMPARED = 50
HEAD = (
    "| model | server | requests/s | p50, ms | p99, ms | processor, ms/request | start, s | memory, MB |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
)


@dataclass(slots=True)
class Measured:
    """A running server, its memory after its turns, and the turns."""

    server: Server
    turns: list[Turn] = field(default_factory=list)
    megabytes: float = 0

    def row(self, model: str) -> str:
        """Return the row of the table: medians of the turns."""
        figures = [_figures(turn) for turn in self.turns]
        rate, middle, high, cpu = (
            statistics.median(column) for column in zip(*figures, strict=True)
        )
        return (
            f"| {model} | {self.server.kind.name} | {rate:.0f} | {middle:.2f} | {high:.2f} | {cpu:.2f} |"
            f" {self.server.seconds:.1f} | {self.megabytes:.0f} |"
        )


def _figures(turn: Turn) -> tuple[float, float, float, float]:
    """Return requests per second, p50 and p99 in ms, and processor time of a request in ms."""
    ordered = sorted(turn.latencies)
    count = len(ordered)
    middle, high = ordered[count // 2], ordered[min(count - 1, count * 99 // 100)]
    return count / turn.wall, 1000 * middle, 1000 * high, 1000 * turn.cpu / count


ABOUT = """\
Each server has one worker and the packages of a virtual environment of its own. A request has one image, and {connections}
connections each send the next request when they have the answer. The servers take turns of {seconds:g} s, {rounds} rounds of them.
Rates and times are medians of the turns. Before, the answers of all servers to {compared} images are compared, and are
the same. Processor time and memory are those of all processes of a server; memory that processes share counts by their
shares. The start is the time from the command to the first answer that says that the server is ready."""


def main() -> None:
    """Print the section of the page, and write it into the page if one is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    for program, name in NAMES.items():
        parser.add_argument(f"--{program}", metavar="PYTHON", help=f"interpreter that has {name}")
    parser.add_argument("--only", default="", help="measure servers with this text in their name")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4, help="length of a turn")
    parser.add_argument("--page", type=Path, help="page whose section is replaced")
    options = parser.parse_args()
    pythons = {OURS: sys.executable} | {
        program: found for program in NAMES if (found := getattr(options, program))
    }
    kinds = [k for k in KINDS if k.program in pythons and options.only in k.name]
    before = load()
    with tempfile.TemporaryDirectory(prefix="datmo-serving-") as folder:
        rows = []
        for row in _measure(kinds, pythons, Path(folder), options):
            print(row, file=sys.stderr, flush=True)
            rows.append(row)
        facts = [*describe(Path(folder)), *_versions(pythons)]
    facts += [("load at the start", before), ("load at the end", load())]
    about = ABOUT.format(compared=COMPARED, **vars(options))
    command = f"Written by `{_command(sys.argv[1:])}`."
    lines = [HEADING, "", command, "", *about.split("\n"), "", *HEAD, *rows, ""]
    text = "\n".join([*lines, *grid(("machine", ""), facts), ""])
    print(text)
    if options.page is not None:
        options.page.write_text(replace_section(options.page.read_text(), HEADING, text))


def _command(words: Sequence[str]) -> str:
    """Return the command with `PYTHON` for the paths of interpreters, without the page."""
    shown = ["PYTHON" if before[2:] in NAMES else word for before, word in pairwise(["", *words])]
    if "--page" in shown:
        del shown[shown.index("--page") : shown.index("--page") + 2]
    return shlex.join(["python", "-m", "benchmarks.serving", *shown])


def _measure(
    kinds: Sequence[Kind], pythons: dict[str, str], folder: Path, options: argparse.Namespace
) -> Iterator[str]:
    """Yield the rows of both models."""
    pixels = models.train(folder)
    for model in models.MODELS:
        with contextlib.ExitStack() as stack:
            measured = []
            for number, kind in enumerate(kinds):
                where = folder / model / str(number)
                server = start(kind, model, where, folder, pythons[kind.program])
                stack.callback(server.stop)
                measured.append(Measured(server))
            _require_same_answers([each.server for each in measured], pixels)
            for _ in range(options.rounds):
                for each in measured:
                    question = each.server.question(pixels[:1])
                    turn = take_turn(
                        each.server.pid, question, options.connections, options.seconds
                    )
                    each.turns.append(turn)
            for each in measured:
                each.megabytes = memory(each.server.pid)
                yield each.row(model)
            if cost := _cost_of_log(measured):
                yield f"| {model} | cost of `--log`, median of pairs | {cost} | | | | | |"


def _require_same_answers(servers: Sequence[Server], pixels: np.ndarray) -> None:
    """Raise `SystemExit` if a server does not answer as the first."""
    asked = pixels[:COMPARED]
    answers = [server.kind.digits(ask(server.question(asked))) for server in servers]
    for server, answer in zip(servers, answers, strict=True):
        if len(answer) != len(asked) or answer != answers[0]:
            raise SystemExit(f"{server.kind.name} answers {answer}, not {answers[0]}")


def _cost_of_log(measured: Sequence[Measured]) -> str:
    """Return the throughput that the log costs, turn by turn; '' unless both were measured."""
    ours = [each for each in measured if "infer" in each.server.kind.name]
    ours = [each for each in ours if each.server.kind.program == OURS]
    if len(ours) < 2:
        return ""
    without, with_log = ours
    shares = [
        1 - _figures(logged)[0] / _figures(plain)[0]
        for plain, logged in zip(without.turns, with_log.turns, strict=True)
    ]
    times = [
        _figures(logged)[3] / _figures(plain)[3] - 1
        for plain, logged in zip(without.turns, with_log.turns, strict=True)
    ]
    share, time = statistics.median(shares), statistics.median(times)
    return f"{share:.1%}, {time:.1%} more processor time"


def _versions(pythons: dict[str, str]) -> Iterator[tuple[str, str]]:
    for program, name in NAMES.items():
        if program in pythons:
            code = f"import importlib.metadata as m; print(m.version({program!r}))"
            done = subprocess.run([pythons[program], "-c", code], capture_output=True, check=True)
            yield name, done.stdout.decode().strip()


if __name__ == "__main__":
    main()
