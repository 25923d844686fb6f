"""The `git datmo get` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Bring one payload, or one file or folder of a payload, from a remote. You need no clone and no
repository. git-datmo reads the remote's experiments and the list of commits, and fetches the data
at PATH alone.

REV is a branch, tag or commit of the remote, or the id of an experiment (HEAD). With --best, the
experiment with the best last value of a metric counts, of all that have PATH."""
EXAMPLES = """
git datmo get https://example.org/team/repo.git model.pkl
git datmo get git@example.org:team/repo.git@v1.2 data/train/labels.csv -o labels.csv
git datmo get https://example.org/team/repo.git model.pkl --best accuracy
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo get` to its parser."""
    parser.add_argument(
        "-o", "--output", default="", metavar="TARGET", help="write to this path (PATH's last name)"
    )
    parser.add_argument(
        "--best",
        default="",
        metavar="[min:|max:]METRIC",
        help="take the experiment with the best value; 'min:' or 'max:' is needed only if neither"
        " an experiment nor the name ('loss', 'accuracy') says which values are better",
    )
    parser.add_argument("source", metavar="URL[@REV]", help="a remote's URL or path")
    parser.add_argument("path", metavar="PATH", help="a payload, or a path in one")


def run(options: argparse.Namespace, console: Console) -> int:
    """Bring a payload, print the path that was written, and return 0."""
    from git_datmo.operations.get import get

    got = get(
        console.environ,
        console.cwd,
        options.source,
        options.path,
        options.output,
        best=options.best,
        progress=console.progress(),
    )
    ids = ", ".join(snapshot[:10] for snapshot in got.snapshots)
    console.print(f"{got.target} (from snapshot {ids})")
    return 0
