"""The `git datmo pull` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Fetch the experiments that others shared, then bring unmodified payloads to the data of the
commit that is checked out. If this commit is a merge without a snapshot, its data are those of
both sides, united. The code stays as it is. 'git pull' updates the code, and does all of this
too."""
EXAMPLES = """
git datmo pull
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo pull` to its parser."""
    parser.add_argument(
        "remote",
        nargs="?",
        default="",
        metavar="REMOTE",
        help="the remote to fetch from (as 'git fetch' chooses)",
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Fetch records, update unmodified payloads, and return 0."""
    from git_datmo.cli.follow_messages import tell_concluded
    from git_datmo.operations.pull import pull
    from git_datmo.repository.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        done = pull(ws, options.remote, progress=console.progress())
        tell_concluded(done, console)
    return 0
