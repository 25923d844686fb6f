"""git datmo push."""

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.repository.workspace import Workspace

DESCRIPTION = """\
Shares experiments and all that they name with a remote; 'git push' does the same by itself
before it pushes the code. Where 'datmo.<remote>.store' is set, what records name goes there.
With --store, all that records name is brought there, wherever it is: so a store is moved, or set
later.

With --dry-run, nothing is sent: each record that the remote lacks is listed with what it brings
along, by kind, size and reason. What the remote has already is not sent again. See
docs/PRIVACY.md for what a record holds. A push of what looks like a secret is refused."""
EXAMPLES = """
git datmo push
git datmo push origin
git datmo push --dry-run
git datmo push --store
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "remote", nargs="?", default="", metavar="REMOTE", help="where to (as 'git push' chooses)"
    )
    parser.add_argument(
        "--store", action="store_true", help="let the remote's store have all that records name"
    )
    parser.add_argument(
        "-n", "--dry-run", action="store_true", help="list what would be sent, and send nothing"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.sharing.push import share
    from git_datmo.space.backfill import fill_store

    with open_workspace(console.environ, console.cwd) as ws:
        if options.dry_run:
            return _preview(options, console, ws)
        if options.store:
            filled = fill_store(ws, options.remote, progress=console.progress())
            records = "record" if filled.records == 1 else "records"
            console.tell(f"'{filled.store}' has all that {filled.records} {records} name")
            return 0
        done = share(ws, options.remote, progress=console.progress())
    if done.records:
        console.tell(
            f"shared {done.records} {'record' if done.records == 1 else 'records'} with"
            f" '{done.remote}'"
        )
    else:
        console.tell("Everything up-to-date")
    return 0


def _preview(options: argparse.Namespace, console: Console, ws: "Workspace") -> int:
    from git_datmo.sharing.push_preview import preview
    from git_datmo.sizes import show_size

    address, leaving = preview(ws, options.remote, progress=console.progress())
    for record in leaving:
        console.print(f"{record.kind} {str(record.id)[:10]} {record.title}".rstrip())
        for part in record.parts:
            name = f" {part.name}" if part.name else ""
            console.print(f"  {part.kind}{name} ({show_size(part.size)}): {part.reason}")
    many = "1 record" if len(leaving) == 1 else f"{len(leaving)} records"
    console.tell(f"{many} would be shared with '{address}'" if leaving else "Everything up-to-date")
    return 0
