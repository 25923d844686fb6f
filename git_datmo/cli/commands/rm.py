"""The `git datmo rm` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Stop tracking payloads. Their files stay, and snapshots keep their versions."""
EXAMPLES = """
git datmo rm data/faces
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo rm` to its parser."""
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="a payload, or a folder of payloads"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Stop tracking payloads, print their paths, and return 0."""
    from git_datmo.payloads import tracked_payloads
    from git_datmo.repository.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        for path in tracked_payloads.rm(ws, [ws.relative(path) for path in options.paths]):
            console.print(f"no longer tracked: {path}")
    return 0
