"""git datmo push."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Shares experiments and all that they name with a remote; 'git push' does the same by itself before
it pushes the code. Where 'datmo.<remote>.store' is set, what records name goes there. With --store,
all that records name is brought there, wherever it is: so a store is moved, or set later."""
EXAMPLES = """
git datmo push
git datmo push origin
git datmo push --store
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("remote", nargs="?", default="", metavar="REMOTE", help="where to (as 'git push' chooses)")
    parser.add_argument("--store", action="store_true", help="let the remote's store have all that records name")


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.flows.sharing.fill import fill_store
    from git_datmo.flows.sharing.share import share
    from git_datmo.flows.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        if options.store:
            filled = fill_store(ws, options.remote, progress=console.progress())
            records = "record" if filled.records == 1 else "records"
            console.tell(f"'{filled.store}' has all that {filled.records} {records} name")
            return 0
        done = share(ws, options.remote, progress=console.progress())
    if done.records:
        console.tell(f"shared {done.records} {'record' if done.records == 1 else 'records'} with '{done.remote}'")
    else:
        console.tell("Everything up-to-date")
    return 0
