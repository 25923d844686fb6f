"""git datmo push."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Shares experiments and all that they name with a remote; 'git push' does the same by itself before
it pushes the code."""
EXAMPLES = """
git datmo push
git datmo push origin
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("remote", nargs="?", default="", metavar="REMOTE", help="where to (as 'git push' chooses)")


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.flows.sharing.share import share
    from git_datmo.flows.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        done = share(ws, options.remote, progress=console.progress())
    if done.records:
        console.tell(f"shared {done.records} {'record' if done.records == 1 else 'records'} with '{done.remote}'")
    else:
        console.tell("Everything up-to-date")
    return 0
