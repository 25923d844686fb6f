"""Reproduce ten kinds of project from fresh clones, and write the table: `python -m
benchmarks.projects`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.projects.driver import Measured, StepFailed, Workshop, measure
from benchmarks.projects.kinds import all_projects
from benchmarks.projects.page import HEADING, render
from benchmarks.projects.project import Project, Size
from benchmarks.projects.rows import read_row, write_row
from benchmarks.section import replace_section

ENGINES = ("venv", "docker")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    names = [project.name for project in all_projects(Size(1, 1 << 20))]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.projects", description=__doc__)
    parser.add_argument(
        "projects", nargs="*", metavar="PROJECT", help=f"of: {' '.join(names)} (all)"
    )
    parser.add_argument(
        "--engines", default=",".join(ENGINES), help="how to reproduce (%(default)s)"
    )
    parser.add_argument(
        "--files", type=int, default=30_000, metavar="N", help="output files (%(default)s)"
    )
    parser.add_argument(
        "--checkpoint", type=int, default=1024, metavar="MIB", help="size of one (%(default)s)"
    )
    parser.add_argument(
        "--page", type=Path, help="replace the table in this page, docs/REPRODUCE.md say"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="where to work (%(default)s)",
    )
    parser.add_argument(
        "--pip-cache", type=Path, metavar="FOLDER", help="keep what pip downloads in this folder"
    )
    parser.add_argument(
        "--rows", type=Path, metavar="FOLDER", help="keep rows here; the table has earlier ones too"
    )
    parser.add_argument("--keep", action="store_true", help="leave the projects and clones")
    options = parser.parse_args(argv)
    if unknown := set(options.projects) - set(names):
        parser.error(f"no such project: {', '.join(sorted(unknown))}")
    return options


def report(measured: Measured, engines: Sequence[str]) -> None:
    """Print what a person needs to see of one project, wrong verdicts with all that was said."""
    print(f"{measured.project.name}: run {measured.seconds:.1f} s", flush=True)
    for line in measured.warnings:
        print(f"  {line}")
    for engine in engines:
        outcome = measured.outcomes[engine]
        right = (
            "right"
            if measured.is_right(engine)
            else f"WRONG, not {measured.project.verdicts[engine]}"
        )
        print(
            f"  {engine}: {outcome.verdict} ({outcome.basis}), {outcome.seconds:.1f} s: {right}",
            flush=True,
        )
        if not measured.is_right(engine):
            print("    " + outcome.said.strip().replace("\n", "\n    "))


def measure_all(
    options: argparse.Namespace, engines: Sequence[str], folder: Path
) -> Iterator[Measured | Project]:
    """Yield the row of each project that was asked for; the project itself where it could not be
    made."""
    shared = options.pip_cache.absolute() if options.pip_cache else folder
    for project in all_projects(Size(options.files, options.checkpoint << 20)):
        if options.projects and project.name not in options.projects:
            if row := read_row(options.rows, project):
                yield row
            continue
        try:
            measured = measure(project, Workshop(folder / project.name, shared), engines)
        except StepFailed as error:
            print(f"{project.name}: not measured\n{error}", flush=True)
            yield project
            continue
        finally:
            if not options.keep:
                shutil.rmtree(folder / project.name, ignore_errors=True)
        report(measured, engines)
        write_row(options.rows, measured)
        yield measured


def main() -> int:
    options = parse(sys.argv[1:])
    engines = tuple(options.engines.split(","))
    folder = Path(tempfile.mkdtemp(prefix="datmo-projects-", dir=options.folder)).resolve()
    try:
        rows = list(measure_all(options, engines, folder))
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    done = [row for row in rows if isinstance(row, Measured)]
    unmade = [row for row in rows if isinstance(row, Project)]
    text = render(done, unmade, engines)
    print(text)
    if options.page is not None:
        options.page.write_text(replace_section(options.page.read_text(), HEADING, text))
    return (
        0 if not unmade and all(row.is_right(engine) for row in done for engine in engines) else 1
    )


if __name__ == "__main__":
    sys.exit(main())
