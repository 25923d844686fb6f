"""The `git datmo show` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Show an experiment in full: the newest snapshot of a commit, or the snapshot with an id."""
EXAMPLES = """
git datmo show HEAD
git datmo show 3f9c2a --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo show` to its parser."""
    parser.add_argument(
        "name", nargs="?", default="HEAD", metavar="REV|ID", help="a commit or snapshot (HEAD)"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the record's own keys and its id as one JSON object",
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Print an experiment with its receipts, and return 0."""
    from git_datmo.cli.render import snapshot_details, snapshot_document
    from git_datmo.cli.verdicts import receipt_document
    from git_datmo.history.experiments import History
    from git_datmo.history.unprepared_clone import refuse_unprepared
    from git_datmo.repository.workspace import open_workspace

    console.use_colours()
    with open_workspace(console.environ, console.cwd) as ws, console.paged():
        refuse_unprepared(ws)
        history = History(ws)
        found = history.resolve(options.name)
        receipts = history.receipts(str(found.id))
        if options.json:
            document = snapshot_document(found)
            document["receipts"] = [receipt_document(receipt) for receipt in receipts]
            console.print_json(document)
        else:
            for line in snapshot_details(found, receipts, console):
                console.print(line)
    for warning in history.warnings:
        console.warn(warning)
    return 0
