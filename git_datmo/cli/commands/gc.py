"""git datmo gc."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Frees the store of objects that nothing needs: no snapshot that was not dropped, and no working tree.
What lives in wasteful packs is written to new ones first. It waits for other commands that use the
store, as they wait for it, for a minute at most; a run uses it from beginning to end."""
EXAMPLES = """
git datmo gc
git datmo gc --dry-run
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="say what would be freed, and free nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.flows.space.gc import gc
    from git_datmo.flows.workspace import open_workspace
    from git_datmo.sizes import show_size

    with open_workspace(console.environ, console.cwd) as ws:
        done = gc(ws, dry_run=options.dry_run, progress=console.progress())
    if options.json:
        console.print_json({"objects": done.objects, "bytes": done.size, "dry_run": options.dry_run})
        return 0
    objects = "object" if done.objects == 1 else "objects"
    console.print(f"{'would free' if options.dry_run else 'freed'} {done.objects} {objects}, {show_size(done.size)}")
    return 0
