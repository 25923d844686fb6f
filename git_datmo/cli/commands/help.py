"""The `git datmo help` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Show the manual page of a verb, or of git-datmo as a whole."""
EXAMPLES = """
git datmo help
git datmo help run
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo help` to its parser."""
    parser.add_argument("verb", nargs="?", default="", metavar="VERB", help="a verb")


def run(options: argparse.Namespace, console: Console) -> int:
    """Show a manual page in the pager, and return 0.

    Raises `UsageError` for an unknown verb.
    """
    from git_datmo.cli.manual import plain_text
    from git_datmo.cli.verbs import VERBS
    from git_datmo.errors import UsageError

    if options.verb and options.verb not in VERBS:
        raise UsageError(f"'{options.verb}' is not a git-datmo verb", "see 'git datmo -h'")
    with console.paged():
        console.print_lines(plain_text(options.verb).rstrip())
    return 0
