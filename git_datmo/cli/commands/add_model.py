"""The `git datmo add-model` command."""

import argparse

from git_datmo.cli.commands.add_data import add
from git_datmo.cli.console import Console

DESCRIPTION = """\
Store and track models, as 'git datmo add-data --role model' does."""
EXAMPLES = """
git datmo add-model weights.pt
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo add-model` to its parser."""
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="a file or folder of the working tree"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a payload")


def run(options: argparse.Namespace, console: Console) -> int:
    """Store and track models, and return 0."""
    from git_datmo.model import Role

    return add(options, console, Role.MODEL)
