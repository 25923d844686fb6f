"""git datmo demo."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Plays the whole story in a temporary folder, with real commands that it shows: Alex trains a model
and pushes; Ignacio clones, sees the experiment, reproduces it, adds data, trains again and pushes;
Alex pulls and compares. Reproduces in a container where an engine answers, else in a virtual
environment, and says which."""
EXAMPLES = """
git datmo demo
git datmo demo --keep
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engine", choices=("docker", "venv"), help="reproduce with this engine")
    parser.add_argument("--keep", action="store_true", help="keep the folder, to look around in it")


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.cli.demo import play

    return play(console, engine=options.engine or "", keep=options.keep)
