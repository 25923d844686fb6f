"""The `git datmo untag` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Remove tags from an experiment, for everybody who gets your records. A tag that a script or another
tracker gave can be removed, too."""
EXAMPLES = """
git datmo untag HEAD candidate
git datmo untag 3f9c2a team=blue 'first try'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo untag` to its parser."""
    parser.add_argument("name", metavar="REV|ID", help="a commit or snapshot")
    parser.add_argument("tags", nargs="+", metavar="TAG", help="tags to remove")


def run(options: argparse.Namespace, console: Console) -> int:
    """Remove tags from an experiment, print those that are left, and return 0."""
    from git_datmo.cli.text_tables import shorten
    from git_datmo.operations.annotate import annotate
    from git_datmo.repository.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        done = annotate(ws, options.name, untags=options.tags)
    for tag in done.absent:
        console.warn(f"experiment {done.about[:10]} has no tag '{shorten(tag)}'")
    for tag in done.tags:
        console.print(shorten(tag))
    return 0
