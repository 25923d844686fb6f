"""git datmo add-model."""

import argparse

from git_datmo.cli.commands.add_data import add
from git_datmo.cli.console import Console

DESCRIPTION = """Stores and tracks models, as 'git datmo add-data --role model' does."""
EXAMPLES = """
git datmo add-model weights.pt
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="a file or folder of the working tree"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a payload")


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.model import Role

    return add(options, console, Role.MODEL)
