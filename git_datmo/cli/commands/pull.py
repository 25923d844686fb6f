"""git datmo pull."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Gets the experiments that others shared, then brings unmodified payloads up to what the commit that
is checked out says; of a merge that has no snapshot, to what its sides say, united. The code stays
where it is; 'git pull' moves it, and does all of this too."""
EXAMPLES = """
git datmo pull
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "remote",
        nargs="?",
        default="",
        metavar="REMOTE",
        help="where from (as 'git fetch' chooses)",
    )


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.cli.following import tell_concluded
    from git_datmo.operations.pull import pull
    from git_datmo.repository.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        done = pull(ws, options.remote, progress=console.progress())
        tell_concluded(done, console)
    return 0
