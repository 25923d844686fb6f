"""The `git datmo init` command."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.repository.workspace import Workspace
    from git_datmo.setup.init_repository import SetUp

DESCRIPTION = """\
Initialise git-datmo in a repository. This creates the store next to git's own objects and adds
hooks, which run your existing hooks first. It sets refspecs, so that a plain 'git fetch' fetches
experiments, and makes 'git log' show the notes of git-datmo. If you run it again, it changes
nothing, or restores the settings that another tool removed.

With --remove, git-datmo removes its hooks and settings, and restores the earlier ones. The store
and the records stay."""
EXAMPLES = """
git datmo init
git datmo init --helper origin     share through the remote helper, for long pushes
git datmo init --remove            remove hooks and settings, but not data and records
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo init` to its parser."""
    parser.add_argument(
        "remote", nargs="?", default="", metavar="REMOTE", help="the remote to share with"
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--helper", action="store_true", help="reach the remote through git-remote-datmo"
    )
    way.add_argument(
        "--remove", action="store_true", help="remove hooks and settings; the data stay"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Initialise a repository, or remove the set-up, and return 0.

    A second workspace reads the configuration that the first has changed.
    """
    from git_datmo.errors import UsageError
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.setup.init_repository import initialise

    if options.remove:
        if options.remote:
            raise UsageError("'--remove' takes no remote", "see 'git datmo init -h'")
        with open_workspace(console.environ, console.cwd) as ws:
            _remove(ws, console)
        return 0
    with open_workspace(console.environ, console.cwd) as ws:
        done = initialise(ws, options.remote, helper=options.helper)
    with open_workspace(console.environ, console.cwd) as ws:
        console.print(f"Initialised git-datmo in {done.store}")
        _show(done, console)
        if done.remote:
            _fetch(ws, done.remote, console)
    return 0


def _show(done: SetUp, console: Console) -> None:
    """Print the result of an initialisation."""
    from git_datmo.terminal_text import quote_word

    for name in done.several:
        console.print(
            f"Found several earlier hooks '{name}': git-datmo's hook runs all of them, the oldest"
            " first"
        )
    if done.remote:
        through = "the remote helper" if done.helper else "git's pre-push hook"
        console.print(f"'git push' shares with '{done.remote}' through {through}")
    if done.hookless and not done.helper:
        command = f"git datmo init --helper {quote_word(done.remote) if done.remote else 'REMOTE'}"
        console.print(
            f"{done.hookless} is used in this repository and runs no hooks: '{command}' lets it"
            " share too"
        )


def _fetch(ws: Workspace, remote: str, console: Console) -> None:
    """Fetch records; an unreachable remote is a warning."""
    from git_datmo.errors import DatmoError
    from git_datmo.remotes.fetch_objects import fetch

    try:
        fetch(ws, remote, progress=console.progress())
    except DatmoError as error:
        console.warn(f"could not ask '{remote}' for experiments: {error.what}")


def _remove(ws: Workspace, console: Console) -> None:
    """Remove the set-up, and print how to delete the data."""
    from git_datmo.setup.remove_setup import tear_down
    from git_datmo.terminal_text import quote_word

    done = tear_down(ws)
    console.print(
        "Removed git-datmo's hooks and settings; git does not exclude the payloads any more"
    )
    for path in done.beside:
        console.print(f"'{path}' is no longer run: another hook has its name")
    console.print(
        f"The data are still in '{done.folder}', the records in refs/datmo and refs/notes/datmo."
        " To delete them:"
    )
    console.print(f"  rm -r {quote_word(str(done.folder))}")
    console.print(
        "  git for-each-ref --format='delete %(refname)' refs/datmo refs/notes/datmo | git"
        " update-ref --stdin"
    )
