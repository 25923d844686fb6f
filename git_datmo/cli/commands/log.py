"""git datmo log."""

import argparse
from typing import Any

from git_datmo.cli.console import Console

DESCRIPTION = """\
Shows the experiments of HEAD's history, or of a revision range, newest first: message, why,
parameters, metrics, payload sizes, and who reproduced them. An experiment whose commit was
rewritten or squashed is shown with the commit that was made of it, and by what it was found: the
same tree, the same change, or the change of its whole branch."""
EXAMPLES = """
git datmo log
git datmo log main..feature
git datmo log --json | jq .metrics
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object an experiment")
    parser.add_argument("-n", "--max-count", type=int, metavar="N", help="show at most N experiments")
    parser.add_argument("range", nargs="*", default=["HEAD"], metavar="REVRANGE", help="as 'git log' takes it (HEAD)")


def run(options: argparse.Namespace, console: Console) -> int:
    from itertools import islice

    from git_datmo.cli.render import snapshot_document, snapshot_lines
    from git_datmo.cli.verdicts import receipts_line
    from git_datmo.flows.history import History
    from git_datmo.flows.workspace import open_workspace

    console.use_colours()
    with open_workspace(console.environ, console.cwd) as ws, console.paged():
        if options.range == ["HEAD"] and ws.repo.head() is None:
            return 0
        history = History(ws)
        for place, found in enumerate(islice(history.walk(tuple(options.range)), options.max_count)):
            receipts = history.receipts(found)
            if options.json:
                document: dict[str, Any] = snapshot_document(found)
                document["found_by"] = found.way
                document["found_on"] = str(found.commit)
                document["receipts"] = [{"verdict": r.verdict, "author": r.author.name} for r in receipts]
                console.print_json(document)
                continue
            lines = [*([""] if place else []), *snapshot_lines(found, console)]
            if receipts:
                lines.append(f"    {receipts_line(receipts)}")
            console.print("\n".join(lines))
    for warning in history.warnings:
        console.warn(warning)
    return 0
