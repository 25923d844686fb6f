"""Run the shell blocks of a documentation page in one session, and compare the output.

Run blocks of `sh` in order, and commands in a comment `<!-- setup: ... -->`, which do what the
reader has done before. A block of `text` after a block of `sh` is the output of its commands. Its
lines must come in this order; other lines may stand between them. In it, an ellipsis stands for any
text, and an id for any id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.shell import Shell

ELEMENT = re.compile(
    r"<!-- setup:\s*\n?(?P<setup>.*?)-->|^```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
ID = re.compile(r"\b[0-9a-f]{7,64}\b")
MARK = "=== block {} ==="


@dataclass(frozen=True, slots=True)
class Step:
    """Hold commands of a page, and the lines that they print in this order."""

    commands: str
    printed: tuple[str, ...] = ()


def read_steps(page: Path) -> list[Step]:
    """Return the steps of a page."""
    steps: list[Step] = []
    previous = ""
    for element in ELEMENT.finditer(page.read_text("utf-8")):
        kind = element["kind"]
        if element["setup"] is not None:
            steps.append(Step(element["setup"]))
        elif kind == "sh":
            steps.append(Step(element["text"]))
        elif kind == "text" and previous == "sh":
            steps[-1] = Step(steps[-1].commands, tuple(element["text"].splitlines()))
        previous = kind or ""
    return steps


def run_page(page: Path, shell: Shell, *, timeout: float = 300) -> None:
    """Run the commands of a page; raise `AssertionError` where one fails or prints something
    else."""
    steps = read_steps(page)
    script = "exec 2>&1\n" + "".join(
        f"echo '{MARK.format(i)}'\n{step.commands}\n" for i, step in enumerate(steps)
    )
    done = shell.run("bash", "-e", "-c", script, timeout=timeout, ok=False)
    assert done.returncode == 0, done.stdout
    for number, step in enumerate(steps):
        printed = done.stdout.partition(f"{MARK.format(number)}\n")[2].partition(
            MARK.format(number + 1)
        )[0]
        _compare(step, printed, page)


def _compare(step: Step, printed: str, page: Path) -> None:
    lines = iter(printed.splitlines())
    for wanted in step.printed:
        pattern = re.compile(_pattern(wanted))
        assert any(pattern.fullmatch(line.rstrip()) for line in lines), (
            f"{page.name}: no line '{wanted}' in order in what this prints:\n{step.commands}\n{printed}"
        )


def _pattern(line: str) -> str:
    """Return the regular expression for a line of a page."""
    pieces = re.split(r"(…|\b[0-9a-f]{7,64}\b)", line.rstrip())
    return "".join(
        ".*"
        if piece == "…"
        else f"[0-9a-f]{{{len(piece)}}}"
        if ID.fullmatch(piece)
        else re.escape(piece)
        for piece in pieces
    )
