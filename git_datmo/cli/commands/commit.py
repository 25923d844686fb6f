"""git datmo commit."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Runs 'git commit' with the words that are given, and makes a commit where payloads changed and
the code did not: 'git commit' alone sees no change then. What 'git add' staged is committed too.
Editor, hooks and signing are git's own; the snapshot of the payloads is made after the commit,
as ever.

Where neither payloads nor staged files changed, git says so. Exits as 'git commit' does."""
EXAMPLES = """
git datmo commit -m "Add the night images"
git datmo commit -am "Train longer, on more images"
"""

PASSES_ON = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-m",
        "--message",
        metavar="MSG",
        help="the commit's message; without it, git starts an editor",
    )
    parser.add_argument(
        "words", nargs="*", metavar="WORD", help="any other word that 'git commit' takes"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.cli.following import tell_concluded
    from git_datmo.payloads.data_commit import commit

    console.out.flush()
    done = commit(console.environ, console.cwd, options.words, progress=console.progress())
    for warning in done.warnings:
        console.warn(warning)
    if done.concluded is not None:
        tell_concluded(done.concluded, console)
    return done.exit_code
