"""The `git datmo gc` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Free the objects of the store that no snapshot in use and no working tree needs. git-datmo first
copies the needed objects of wasteful packs to new packs. It also removes built environments that
no snapshot in use has, images of environments that only dropped snapshots have, and folders that
reruns left. With --caches, it removes all environments, images and caches. git-datmo makes them
again when you need them.

This command and others that use the store wait for each other, for a minute at most. A run uses
the store from beginning to end."""
EXAMPLES = """
git datmo gc
git datmo gc --dry-run
git datmo gc --caches
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo gc` to its parser."""
    parser.add_argument(
        "--caches", action="store_true", help="also remove everything that git-datmo can make again"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="list what would be freed, and free nothing"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace, console: Console) -> int:
    """Free unneeded objects and files, print their number and size, and return 0."""
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.sizes import show_size
    from git_datmo.space.garbage_collection import gc

    with open_workspace(console.environ, console.cwd) as ws:
        done = gc(ws, caches=options.caches, dry_run=options.dry_run, progress=console.progress())
    beside = done.beside
    if options.json:
        removed = {name: getattr(beside, name) for name in ("environments", "images", "workspaces")}
        document = {"objects": done.objects, "bytes": done.size, "dry_run": options.dry_run}
        console.print_json({**document, "removed": {**removed, "bytes": beside.size}})
        return 0
    verbs = ("would free", "would remove") if options.dry_run else ("freed", "removed")
    console.print(f"{verbs[0]} {_count(done.objects, 'object')}, {show_size(done.size)}")
    if beside.size:
        counted = (
            (beside.environments, "environment"),
            (beside.images, "image"),
            (beside.workspaces, "folder"),
        )
        parts = [_count(number, what) for number, what in counted if number] or ["caches"]
        console.print(f"{verbs[1]} {', '.join(parts)}, {show_size(beside.size)}")
    return 0


def _count(number: int, what: str) -> str:
    """Return a number with its noun, in the plural if necessary."""
    return f"{number} {what}" + ("" if number == 1 else "s")
