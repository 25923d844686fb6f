"""git datmo pull."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Gets the experiments that others shared, then brings unmodified payloads up to what the commit that
is checked out says. The code stays where it is; 'git pull' moves it, and does all of this too."""
EXAMPLES = """
git datmo pull
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("remote", nargs="?", default="", metavar="REMOTE", help="where from (as 'git fetch' chooses)")


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.cli.commands.hook import tell_followed
    from git_datmo.flows.obtain import fetch
    from git_datmo.flows.switch import follow
    from git_datmo.flows.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        fetch(ws, options.remote, progress=console.progress())
        tell_followed(follow(ws, progress=console.progress()), console)
    return 0
