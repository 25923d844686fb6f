"""The `git datmo tag` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Add tags to an experiment, or show its tags. 'git datmo log --tag TAG' lists experiments with a
tag, and 'git push' shares tags. If two people add and remove one tag, the later one counts."""
EXAMPLES = """
git datmo tag HEAD baseline
git datmo tag 3f9c2a candidate paper/table-2
git datmo tag HEAD
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo tag` to its parser."""
    parser.add_argument(
        "name", nargs="?", default="HEAD", metavar="REV|ID", help="a commit or snapshot (HEAD)"
    )
    parser.add_argument(
        "tags", nargs="*", metavar="TAG", help="tags to add; without any, show the tags"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Add tags to an experiment, print all its tags, and return 0."""
    from git_datmo.cli.text_tables import shorten
    from git_datmo.errors import DatmoError
    from git_datmo.operations.annotate import annotate
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.terminal_text import quote_word

    with open_workspace(console.environ, console.cwd) as ws:
        try:
            done = annotate(ws, options.name, tags=options.tags)
        except DatmoError as error:
            if not options.tags and error.what.startswith("bad revision"):
                # The word was meant as a tag, as for `git tag`.
                error.hint = f"to add this tag: git datmo tag HEAD {quote_word(options.name)}"
            raise
    for tag in done.tags:
        console.print(shorten(tag))
    return 0
