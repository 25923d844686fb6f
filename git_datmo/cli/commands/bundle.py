"""The `git datmo bundle` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Write a single file with commits, their history, their experiments and all data of these, for a
person without network. That person clones the file like any remote: 'git clone FILE', 'git datmo
init', 'git datmo checkout'. git-datmo first fetches the data that are not available locally."""
EXAMPLES = """
git datmo bundle thesis.bundle
git datmo bundle thesis.bundle main v1.0
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo bundle` to its parser."""
    parser.add_argument(
        "file", metavar="FILE", help="the file to write; an existing file is replaced"
    )
    parser.add_argument(
        "revisions", nargs="*", metavar="REV", help="branches, tags or commits (HEAD)"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Write a bundle file, print its size, and return 0."""
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.sharing.bundle_file import bundle
    from git_datmo.sizes import show_size

    with open_workspace(console.environ, console.cwd) as ws:
        done = bundle(
            ws, console.cwd / options.file, options.revisions, progress=console.progress()
        )
    experiments = "1 experiment" if done.experiments == 1 else f"{done.experiments} experiments"
    console.tell(f"'{options.file}' has {experiments} with all data, {show_size(done.size)}")
    return 0
