"""git datmo rm."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = (
    """Stops tracking payloads. Their files stay, and so does what snapshots have of them."""
)
EXAMPLES = """
git datmo rm data/faces
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="a payload, or a folder of payloads"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.payloads import tracked_payloads
    from git_datmo.repository.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        for path in tracked_payloads.rm(ws, [ws.relative(path) for path in options.paths]):
            console.print(f"no longer tracked: {path}")
    return 0
