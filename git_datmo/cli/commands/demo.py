"""The `git datmo demo` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Run a complete example in a temporary folder, or in the new folder DIR, which is kept, and show each
command. Alex trains a model and pushes. Ignacio clones, looks at the experiment, reproduces it,
adds data, trains again and pushes. Alex pulls and compares.

With --loop, Alex trains a model of prices and writes its contract. Ignacio serves it with a server
that follows their branch, collects predictions and the prices that came true, and pushes. Alex
pulls, makes data of the feedback, trains again, tests the new model against the old one, and
merges. Her push deploys. The extra 'serve' is needed (pip install 'git-datmo[serve]').

Without --engine, the demo reproduces in a container if a container engine responds, and
otherwise in a virtual environment. It prints the choice. With --loop, models run with the
installed packages."""
EXAMPLES = """
git datmo demo
git datmo demo --keep
git datmo demo --loop
git datmo demo --loop loop-demo
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo demo` to its parser."""
    add = parser.add_argument
    add("folder", nargs="?", default="", metavar="DIR", help="a new folder, which is kept")
    add("--loop", action="store_true", help="serve the model, and learn from feedback")
    add("--engine", choices=("docker", "venv"), help="reproduce, or serve, with this engine")
    add("--keep", action="store_true", help="do not delete the folder afterwards")


def run(options: argparse.Namespace, console: Console) -> int:
    """Play the demo and return 0."""
    from git_datmo.cli.demo import play
    from git_datmo.cli.demo_loop import play_loop

    chosen = play_loop if options.loop else play
    return chosen(console, folder=options.folder, engine=options.engine or "", keep=options.keep)
