"""The table of projects, as a section of a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.projects.driver import Measured
from benchmarks.projects.project import Project

HEADING = "## Kinds of project, measured"
ABOUT = """\
`python -m benchmarks.projects --page docs/REPRODUCE.md` writes this section. It makes each project with its own
environment, runs it on the host, and pushes to a bare repository. Then it reproduces the project with each engine, each
time from a fresh clone. A cell has the verdict and, in parentheses, the number of metrics and outputs that it is based on.
"wrong" marks a verdict that is not right for that project. "no verdict" marks a command that could not be started. `failed`
and "no verdict" are right if the run warned of them.

Each time is from one run, on two cores with much other work. Most of it is the building of the environment. An engine that
reaches no registry gets its base image from `benchmarks/projects/base-image.sh`. `python -m benchmarks.projects.overhead`
measures the time that `run` adds to its command."""


def render(done: Sequence[Measured], unmade: Sequence[Project], engines: Sequence[str]) -> str:
    """Return the section with the table."""
    head = ["project", "`run`", *(f"`--engine {engine}`" for engine in engines)]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for measured in done:
        cells = [measured.project.title, f"{measured.seconds:.1f} s"]
        cells += [_cell(measured, engine) for engine in engines]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [f"| {project.title} | not measured |{' |' * len(engines)}" for project in unmade]
    return "\n".join([HEADING, "", ABOUT, "", *lines, *_said(done), ""])


def _cell(measured: Measured, engine: str) -> str:
    outcome = measured.outcomes[engine]
    text = f"{outcome.verdict} ({outcome.basis})" if outcome.basis else outcome.verdict
    wrong = "" if measured.is_right(engine) else ", wrong"
    return f"{text}{wrong}, {outcome.seconds:.0f} s"


def _said(done: Sequence[Measured]) -> Iterator[str]:
    """Yield the runs' warnings, project by project."""
    if any(measured.warnings for measured in done):
        yield from ("", "Warnings of these runs:", "")
    for measured in done:
        for line in measured.warnings:
            yield f"- {measured.project.title}: {line.partition(': ')[2]}"
