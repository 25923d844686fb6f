"""The benchmark's command: chooses cases and tools, runs them, prints and writes the page."""

from __future__ import annotations

import argparse
import compileall
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import git_datmo
import git_remote_datmo
from benchmarks import machine, page
from benchmarks.bounds import Bound, peak_memory
from benchmarks.cases.base import Bench, Case, Settings
from benchmarks.cases.calls import Calls
from benchmarks.cases.change import Change
from benchmarks.cases.crowd import Crowd
from benchmarks.cases.curves import Curves
from benchmarks.cases.large import Large
from benchmarks.cases.many import Many
from benchmarks.cases.share import Share
from benchmarks.cases.small import Small
from benchmarks.cases.stages import Stages
from benchmarks.cases.startup import Startup
from benchmarks.contest import CommandFailed, Table
from benchmarks.section import find_section, replace_section
from benchmarks.serving import HEADING as SERVERS_HEADING
from benchmarks.tools.archives import Borg, Bup, Copy, Restic
from benchmarks.tools.base import Tool
from benchmarks.tools.gits import Annex, Lfs, PlainGit
from benchmarks.tools.ours import Ours
from benchmarks.tools.own_environments import Dvc, Oxen
from benchmarks.trackers.page import HEADING as TRACKERS_HEADING

MIB = 1 << 20
MEMORY = 300_000_000
ENVIRONMENTS = "DATMO_BENCHMARK_ENVIRONMENTS"
SLOW = ("crowd", "many", "share")


def all_cases() -> tuple[Case, ...]:
    return (
        Stages(),
        Large("random"),
        Change(),
        Large("text"),
        Small(),
        Startup(),
        Curves(),
        Calls(),
        Share(),
        Many(),
        Crowd(),
    )


def all_tools(environments: Path | None) -> tuple[Tool, ...]:
    archives = (Borg("lz4"), Borg("zstd"), Restic(), Bup())
    return (
        Ours(),
        Copy(),
        PlainGit(),
        Lfs(),
        Annex(),
        Dvc(environments),
        *archives,
        Oxen(environments),
    )


def parse(argv: Sequence[str]) -> argparse.Namespace:
    cases = all_cases()
    quick = [case.name for case in cases if case.name not in SLOW]
    listed = "; ".join(f"{case.name}: {case.about}" for case in cases)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, epilog=f"Cases: {listed}."
    )
    names = [case.name for case in cases]
    parser.add_argument(
        "cases", nargs="*", metavar="CASE", help=f"which cases, or 'all' ({' '.join(quick)})"
    )
    parser.add_argument(
        "--peers",
        action="store_true",
        help="list the tools, and how to install those that are absent",
    )
    parser.add_argument(
        "--tools", metavar="NAME,...", help="compare with these alone; git-datmo always takes part"
    )
    parser.add_argument("--runs", type=int, default=3, help="how many runs each (3)")
    parser.add_argument(
        "--large", type=int, default=1024, metavar="MIB", help="size of a large file (1024)"
    )
    parser.add_argument(
        "--push", type=int, default=2048, metavar="MIB", help="size of what is pushed (2048)"
    )
    parser.add_argument(
        "--files", type=int, default=20_000, metavar="N", help="how many small files (20000)"
    )
    parser.add_argument(
        "--many", type=int, default=1_000_000, metavar="N", help="how many tiny files (1000000)"
    )
    parser.add_argument(
        "--crowd", type=int, default=2_000_000, metavar="N", help="how many small files (2000000)"
    )
    parser.add_argument(
        "--snapshots", type=int, default=10_000, metavar="N", help="length of the history (10000)"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("docs/PERFORMANCE.md"), help="the page (%(default)s)"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="where to work (%(default)s)",
    )
    parser.add_argument(
        "--environments",
        type=Path,
        default=os.environ.get(ENVIRONMENTS),
        metavar="FOLDER",
        help=f"holds the virtual environments of DVC and oxen, named so in lower case (${ENVIRONMENTS})",
    )
    options = parser.parse_args(argv)
    unknown = set(options.cases) - {*names, "all"}
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    options.cases = names if "all" in options.cases else options.cases or quick
    return options


def list_tools(tools: Sequence[Tool]) -> None:
    for tool in tools:
        version = tool.version()
        print(f"{tool.name:<14} {version or f'not installed: {tool.package}'}")
    print(f"\nFOLDER is what --environments or ${ENVIRONMENTS} names.")


def choose_tools(options: argparse.Namespace) -> tuple[Tool, ...]:
    environments = Path(options.environments).absolute() if options.environments else None
    tools = all_tools(environments)
    if options.peers:
        return tools
    wanted = None if options.tools is None else {tools[0].name, *options.tools.split(",")}
    return tuple(
        tool for tool in tools if (wanted is None or tool.name in wanted) and tool.version()
    )


def measure(bench: Bench, names: Sequence[str]) -> Iterator[tuple[list[Table], list[Bound]]]:
    """Run the cases; after each, everything that was measured so far, so that an interrupted run
    leaves a page too."""
    tables: list[Table] = []
    bounds: list[Bound] = []
    for case in all_cases():
        if case.name not in names:
            continue
        free, needed = shutil.disk_usage(bench.folder).free, case.space(bench.settings)
        if free < needed:
            print(
                f"{case.name}: left out, it needs {needed >> 20} MiB and {free >> 20} are free",
                file=sys.stderr,
            )
            continue
        print(f"{case.name}: {case.about}", file=sys.stderr)
        try:
            measured, kept = case.run(bench)
        except CommandFailed as error:
            # One that cannot be made ready must not lose what the others measured.
            measured, kept = [Table(case.about, failures={case.name: str(error)})], []
        tables += measured
        bounds += kept
        yield tables, [*bounds, *peak_memory(tables, MEMORY)]


def compile_ours() -> None:
    """As an installation does, which one for development leaves to the first start, or to none."""
    for package in (git_datmo, git_remote_datmo):
        compileall.compile_dir(Path(package.__file__).parent, quiet=1)


def main() -> int:
    options = parse(sys.argv[1:])
    tools = choose_tools(options)
    if options.peers:
        list_tools(tools)
        return 0
    compile_ours()
    settings = Settings(
        options.runs,
        options.large * MIB,
        options.push * MIB,
        options.files,
        options.many,
        options.snapshots,
        options.crowd,
    )
    command = f"python -m benchmarks {shlex.join(sys.argv[1:])}".strip()
    versions = tuple((tool.name, tool.version()) for tool in tools)
    load = machine.load()
    # Resolved, since a tool that stores absolute paths stores the real ones.
    folder = Path(tempfile.mkdtemp(prefix="datmo-benchmark-", dir=options.folder)).resolve()
    text = ""
    # `benchmarks.trackers` and `benchmarks.serving` wrote these sections of the page.
    earlier = options.output.read_text() if options.output.exists() else ""
    others = {name: find_section(earlier, name) for name in (TRACKERS_HEADING, SERVERS_HEADING)}
    try:
        described = tuple(machine.describe(folder))
        for tables, bounds in measure(Bench(folder, settings, tools), options.cases):
            text = page.render(
                tables, bounds, page.Facts(command, described, versions, (load, machine.load()))
            )
            for heading, section in others.items():
                text = replace_section(text, heading, section).rstrip() + "\n"
            options.output.write_text(text)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
