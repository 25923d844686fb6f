"""The `git datmo logs` command."""

import argparse
import codecs
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from git_datmo.repository.workspace import Workspace

DESCRIPTION = """\
Print what a run has printed so far. RUN is the id of a run, as 'git datmo ps' and 'git datmo run
--detach' print it, or an experiment. Without RUN, it is the newest run in progress, or else the
run of this clone that ended last. With -f, later output is printed as it comes, until the run is
recorded."""
EXAMPLES = """
git datmo logs
git datmo logs -f 3f2a9c1b
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo logs` to its parser."""
    parser.add_argument(
        "run", nargs="?", default="", metavar="RUN", help="the id of a run, or an experiment"
    )
    parser.add_argument(
        "-f", "--follow", action="store_true", help="print output as it comes, until the end"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Print the log of a run and return 0."""
    from git_datmo.repository.workspace import open_workspace

    console.err.flush()
    with open_workspace(console.environ, console.cwd) as ws:
        # A piece may end within a character.
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for piece in _read_log(ws, options.run, follow=options.follow, console=console):
            _write(console, decoder.decode(piece))
        _write(console, decoder.decode(b"", final=True))
    return 0


def _write(console: Console, text: str) -> None:
    """Print text, with control characters replaced except for ends of lines and returns."""
    from git_datmo.terminal_text import make_printable

    # Progress bars go back to the start of their line by a return.
    lines = ("\r".join(map(make_printable, line.split("\r"))) for line in text.split("\n"))
    console.out.write("\n".join(lines))
    console.out.flush()


def _read_log(ws: "Workspace", name: str, *, follow: bool, console: Console) -> "Iterator[bytes]":
    """Yield the log of a run, in progress or ended; raise `DatmoError` if there is none."""
    from git_datmo.errors import DatmoError
    from git_datmo.history.experiments import History
    from git_datmo.report.live_log import read_live_log
    from git_datmo.report.stored_files import run_log
    from git_datmo.runs.runs_in_progress import (
        choose_run,
        list_runs,
        newest_ended,
        snapshot_of_ended,
    )

    runs = list_runs(ws)
    chosen = choose_run(runs, name) if name else next(iter(runs), None)
    if chosen is not None:
        yield from read_live_log(chosen, follow=follow)
        return
    snapshot = snapshot_of_ended(ws, name) or name if name else newest_ended(ws)
    if not snapshot:
        raise DatmoError(
            "no run has been made in this clone", "'git datmo log' lists the experiments"
        )
    yield from run_log(ws, History(ws).resolve(snapshot), console.progress())
