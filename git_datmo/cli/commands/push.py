"""The `git datmo push` command."""

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.repository.workspace import Workspace

DESCRIPTION = """\
Share experiments and everything that they name with a remote. 'git push' does the same before it
pushes the code. If 'datmo.<remote>.store' is set, the data go to that store. With --store,
git-datmo copies everything that all records name to this store, wherever it is. Use this after
you move a store or set it later.

With --dry-run, git-datmo sends nothing. It lists each record that the remote does not have, and
the content that goes with it, by kind, size and reason. Content that the remote has is not sent
again. docs/PRIVACY.md describes the content of a record. git-datmo refuses to push anything that
looks like a secret."""
EXAMPLES = """
git datmo push
git datmo push origin
git datmo push --dry-run
git datmo push --store
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo push` to its parser."""
    parser.add_argument(
        "remote",
        nargs="?",
        default="",
        metavar="REMOTE",
        help="the remote to push to (as 'git push' chooses)",
    )
    parser.add_argument(
        "--store",
        action="store_true",
        help="copy all objects that records name to the store of the remote",
    )
    parser.add_argument(
        "-n", "--dry-run", action="store_true", help="list what would be sent, and send nothing"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Share records and their data with a remote, and return 0.

    With `--store`, backfill the remote's store. With `--dry-run`, print the preview of a share.
    """
    from git_datmo.cli.killed_runs import finish_killed_runs
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.sharing.push import share
    from git_datmo.sizes import show_count
    from git_datmo.space.fill_remote_store import fill_store

    with open_workspace(console.environ, console.cwd) as ws:
        if options.dry_run:
            return _preview(options, console, ws)
        if options.store:
            filled = fill_store(ws, options.remote, progress=console.progress())
            records = "record" if filled.records == 1 else "records"
            console.tell(f"'{filled.store}' has everything that {filled.records} {records} name")
            return 0
        finish_killed_runs(ws, console)
        done = share(ws, options.remote, progress=console.progress())
    if done.records:
        console.tell(f"shared {show_count(done.records, 'record')} with '{done.remote}'")
    if done.resent:
        lacked = show_count(done.resent, "record")
        console.tell(f"sent the data of {lacked} again, because '{done.remote}' did not have them")
    if not done.records and not done.resent:
        console.tell("Everything up-to-date")
    return 0


def _preview(options: argparse.Namespace, console: Console, ws: "Workspace") -> int:
    """Print the records that a share would send, with sizes and reasons."""
    from git_datmo.sharing.push_preview import preview
    from git_datmo.sizes import show_count, show_size

    address, leaving = preview(ws, options.remote, progress=console.progress())
    for record in leaving:
        console.print(f"{record.kind} {str(record.id)[:10]} {record.title}".rstrip())
        for part in record.parts:
            name = f" {part.name}" if part.name else ""
            console.print(f"  {part.kind}{name} ({show_size(part.size)}): {part.reason}")
    many = show_count(len(leaving), "record")
    console.tell(f"{many} would be shared with '{address}'" if leaving else "Everything up-to-date")
    return 0
