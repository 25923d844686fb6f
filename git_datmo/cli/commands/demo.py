"""The `git datmo demo` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Run a complete example in a temporary folder, and show each command. Alex trains a model and
pushes. Ignacio clones, looks at the experiment, reproduces it, adds data, trains again and
pushes. Alex pulls and compares.

Without --engine, the demo reproduces in a container if a container engine responds, and
otherwise in a virtual environment. It prints the choice."""
EXAMPLES = """
git datmo demo
git datmo demo --keep
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo demo` to its parser."""
    parser.add_argument("--engine", choices=("docker", "venv"), help="reproduce with this engine")
    parser.add_argument("--keep", action="store_true", help="do not delete the folder afterwards")


def run(options: argparse.Namespace, console: Console) -> int:
    """Play the demo and return 0."""
    from git_datmo.cli.demo import play

    return play(console, engine=options.engine or "", keep=options.keep)
