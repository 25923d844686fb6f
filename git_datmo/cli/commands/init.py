"""git datmo init."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Makes a repository ready: the store beside git's own objects, hooks beside any that are there,
refspecs so that a plain 'git fetch' brings experiments, and notes that show in 'git log'. Doing it
again changes nothing."""
EXAMPLES = """
git datmo init
git datmo init --helper origin     share through the remote helper, for pushes that take long
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("remote", nargs="?", default="", metavar="REMOTE", help="the remote to share with")
    parser.add_argument("--helper", action="store_true", help="reach the remote through git-remote-datmo")


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.errors import DatmoError
    from git_datmo.flows.setup import initialise
    from git_datmo.flows.sharing.obtain import fetch
    from git_datmo.flows.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        done = initialise(ws, options.remote, helper=options.helper)
    with open_workspace(console.environ, console.cwd) as ws:
        console.print(f"Initialised git-datmo in {done.store}")
        if done.remote:
            through = "the remote helper" if done.helper else "git's pre-push hook"
            console.print(f"'git push' shares with '{done.remote}' through {through}")
            try:
                fetch(ws, done.remote, progress=console.progress())
            except DatmoError as error:
                console.warn(f"could not ask '{done.remote}' for experiments: {error.what}")
    return 0
