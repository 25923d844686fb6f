"""The `git datmo log` command."""

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.history.experiments import History
    from git_datmo.repository.workspace import Workspace

DESCRIPTION = """\
Show the experiments in the history of HEAD or in a revision range, newest first: message,
reason, parameters, metrics, payload sizes, and how often others reproduced them. If a commit was
rewritten or squashed, its experiment appears with the new commit. The headline then says how it
was found: by the same tree, the same change, or the change of its whole branch."""
EXAMPLES = """
git datmo log
git datmo log main..feature
git datmo log --json | jq .metrics
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo log` to its parser."""
    parser.add_argument("--json", action="store_true", help="print one JSON object an experiment")
    parser.add_argument(
        "-n", "--max-count", type=int, metavar="N", help="show at most N experiments"
    )
    parser.add_argument(
        "range",
        nargs="*",
        default=["HEAD"],
        metavar="REVRANGE",
        help="as 'git log' takes it (HEAD)",
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Print the experiments of revisions, newest first, and return 0."""
    from itertools import islice

    from git_datmo.cli.render import DOCUMENTS, LINES, headline, listed_document, painted
    from git_datmo.cli.verdicts import receipts_line
    from git_datmo.history.experiments import History
    from git_datmo.repository.workspace import open_workspace

    console.use_colours()
    with open_workspace(console.environ, console.cwd) as ws:
        history = History(ws)
        style = DOCUMENTS if options.json else LINES
        blank = ""
        is_unborn = options.range == ["HEAD"] and ws.head() is None
        with console.paged():
            told = iter(()) if is_unborn else history.tell(tuple(options.range), style)
            for claim, text in islice(told, options.max_count):
                receipts = history.receipts(claim.row.record)
                if options.json:
                    console.print_json(listed_document(claim, text, receipts))
                else:
                    below = f"\n    {receipts_line(receipts)}" if receipts else ""
                    console.print_lines(
                        f"{blank}{headline(claim, console)}\n{painted(text, console)}{below}"
                    )
                blank = "\n"
        for warning in history.warnings:
            console.warn(warning)
        if not blank and options.max_count != 0:
            _tell_none(options.range, ws, history, console)
    return 0


def _tell_none(names: list[str], ws: "Workspace", history: "History", console: Console) -> None:
    """Print why the list is empty.

    Raises `DatmoError` in an uninitialised clone whose remote has experiments.
    """
    from git_datmo.history.unprepared_clone import refuse_unprepared

    refuse_unprepared(ws)
    known = any(row.kind == "snapshot" for row in history.catalog.rows)
    console.tell(f"no experiments in '{' '.join(names)}'" if known else "no experiments yet")
