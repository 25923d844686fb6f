"""Measure git-datmo beside other experiment trackers: `python -m benchmarks.trackers`.

The exit code is 1 if a bound is not kept.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks import machine
from benchmarks.__main__ import compile_ours
from benchmarks.bounds import OURS
from benchmarks.section import replace_section
from benchmarks.trackers import calls, kills, limits
from benchmarks.trackers.page import ABOUT, HEADING, Circumstances, render
from benchmarks.trackers.places import Place, make_places
from benchmarks.trackers.rows import FAILURES, Row, Spent, failed
from benchmarks.trackers.scripts import CALLS_LIMIT
from benchmarks.trackers.tracker import OUR_TRACKER, PEERS, find_versions
from git_datmo import __version__

COMMITS = 300


def parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trackers", description=__doc__)
    parser.add_argument(
        "--peers",
        default=sys.executable,
        metavar="PYTHON",
        help="interpreter that has the other trackers (the one that runs this)",
    )
    for name, default, meaning in (
        ("--calls", 100_000, "calls of each tool in a round"),
        ("--kills", 100, "kills of git-datmo"),
        ("--runs", 3, "how often a command is timed; short ones five times as often"),
        ("--files", 20_000, "payload files beside `run`"),
        ("--scalars", 100_000, "scalars of the event file"),
        ("--experiments", 10_000, "experiments of the query"),
    ):
        help_text = f"{meaning} (%(default)s)"
        parser.add_argument(name, type=int, default=default, metavar="N", help=help_text)
    parser.add_argument(
        "--page", type=Path, help="replace the section in this page, docs/PERFORMANCE.md say"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="where to work (%(default)s)",
    )
    options = parser.parse_args(argv)
    if min(options.calls, options.runs, options.files, options.scalars) < 1 or options.kills < 0:
        parser.error("only --kills may be 0")
    if options.experiments < 100:
        parser.error("--experiments must be at least 100")
    try:
        options.versions = find_versions(options.peers, [peer.package for peer in PEERS])
    except (OSError, subprocess.SubprocessError) as error:
        parser.error(f"'{options.peers}' is no Python that can be started: {error}")
    return options


def measure(options: argparse.Namespace, places: Sequence[Place], folder: Path) -> Iterator[Row]:
    """Yield all rows. A measurement that fails is a row, and does not end the others."""
    sizes = limits.Sizes(
        options.runs,
        options.files,
        options.scalars,
        options.experiments,
        min(COMMITS, options.experiments),
    )
    yield from calls.measure_calls(places, options.calls)
    yield from calls.measure_imports(places)
    yield from kills.measure_kills(places, options.kills)
    parts: tuple[Callable[[Path, limits.Sizes], Iterator[Row]], ...] = (
        limits.measure_run,
        limits.measure_event_file,
        limits.measure_queries,
        limits.measure_curves,
    )
    for part in parts:
        try:
            yield from part(folder, sizes)
        except FAILURES as error:
            yield failed(OURS, part.__name__.replace("_", " "), str(error), Spent())


def tell(row: Row) -> Row:
    """Print a row while the others are measured."""
    print(" | ".join(row.cells()[:5]), file=sys.stderr, flush=True)
    return row


def main() -> int:
    options = parse(sys.argv[1:])
    compile_ours()
    present = [peer for peer in PEERS if peer.package in options.versions]
    missing = tuple(peer.name for peer in PEERS if peer not in present)
    for name in missing:
        print(f"{name}: left out, '{options.peers}' does not have it", file=sys.stderr)
    load = machine.load()
    folder = Path(tempfile.mkdtemp(prefix="datmo-trackers-", dir=options.folder)).resolve()
    try:
        described = tuple(machine.describe(folder))
        places = make_places([OUR_TRACKER, *present], options.peers, folder)
        rows = [tell(row) for row in measure(options, places, folder)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    versions = (
        (OURS, __version__),
        *((peer.name, options.versions[peer.package]) for peer in present),
        ("Python of the other trackers", options.versions["Python"]),
    )
    about = ABOUT.format(
        rounds=calls.ROUNDS,
        limit=CALLS_LIMIT,
        latest=kills.LATEST,
        settling=kills.SETTLING,
        processes=kills.OUR_PROCESSES,
        peer_kills=kills.MOST_PEER_KILLS,
    )
    command = shlex.join(["python", "-m", "benchmarks.trackers", *shown(sys.argv[1:])])
    facts = Circumstances(command, described, versions, missing, (load, machine.load()))
    text = render(rows, about, facts)
    print(text)
    if options.page is not None:
        options.page.write_text(replace_section(options.page.read_text(), HEADING, text))
    return 0 if all(row.is_kept for row in rows) else 1


def shown(argv: Sequence[str]) -> Iterator[str]:
    """Yield the words of the command line, with `PYTHON` for the path of an interpreter."""
    before = ""
    for word in argv:
        name, sign, _ = word.partition("=")
        if name == "--peers" and sign:
            yield "--peers=PYTHON"
        else:
            yield "PYTHON" if before == "--peers" else word
        before = word


if __name__ == "__main__":
    sys.exit(main())
