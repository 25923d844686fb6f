"""The `git datmo commit` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Run 'git commit' with your arguments, and make a commit even if only payloads changed. Plain 'git
commit' sees no change then. Files that you staged with 'git add' are committed too. git runs its
editor, hooks and signing as usual. After the commit, git-datmo makes the snapshot of the
payloads.

If neither payloads nor staged files changed, git says so. The exit code is that of 'git commit'.

To roll back data alone, restore those of an older commit with 'git datmo checkout HEAD~1 -- .'
first."""
EXAMPLES = """
git datmo commit -m "Add the night images"
git datmo commit -am "Train longer, on more images"
"""

PASSES_ON = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo commit` to its parser, for help texts only.

    All arguments go to `git commit` unparsed.
    """
    parser.add_argument(
        "-m",
        "--message",
        metavar="MSG",
        help="the commit's message; without it, git starts an editor",
    )
    parser.add_argument(
        "words", nargs="*", metavar="WORD", help="any other argument of 'git commit'"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Run `git commit` and return its exit code.

    Standard output is flushed first, since git writes to the same stream.
    """
    from git_datmo.cli.follow_messages import tell_concluded
    from git_datmo.cli.killed_runs import finish_killed_runs
    from git_datmo.payloads.payload_commit import commit
    from git_datmo.repository.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        finish_killed_runs(ws, console)
    console.out.flush()
    done = commit(console.environ, console.cwd, options.words, progress=console.progress())
    for warning in done.warnings:
        console.warn(warning)
    if done.concluded is not None:
        tell_concluded(done.concluded, console)
    return done.exit_code
