"""git datmo fetch."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Gets the experiments that others shared on a remote: their records, not their data, which 'git
datmo checkout' fetches when it is wanted."""
EXAMPLES = """
git datmo fetch
git datmo fetch origin
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "remote",
        nargs="?",
        default="",
        metavar="REMOTE",
        help="where from (as 'git fetch' chooses)",
    )


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.remotes.fetch_objects import fetch
    from git_datmo.repository.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        fetch(ws, options.remote, progress=console.progress())
    return 0
