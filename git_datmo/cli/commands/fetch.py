"""The `git datmo fetch` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Fetch the experiments that others shared on a remote. This fetches their records, but not their
data. 'git datmo checkout' fetches data when you need them."""
EXAMPLES = """
git datmo fetch
git datmo fetch origin
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo fetch` to its parser."""
    parser.add_argument(
        "remote",
        nargs="?",
        default="",
        metavar="REMOTE",
        help="the remote to fetch from (as 'git fetch' chooses)",
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Fetch the records of a remote, and return 0."""
    from git_datmo.remotes.fetch_objects import fetch
    from git_datmo.repository.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        fetch(ws, options.remote, progress=console.progress())
    return 0
