"""git datmo evict."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Frees the store of content that the remote has: it is asked now, and what it has not stays. Files
of the working tree stay as they are, tracked; 'git datmo checkout' fetches what it needs again."""
EXAMPLES = """
git datmo evict data/faces
git datmo evict --all --dry-run
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="of everything that snapshots name")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be freed, and free nothing"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="a payload, in all its versions")


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.errors import UsageError
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.sizes import show_size
    from git_datmo.space.evict import evict

    if options.all == bool(options.paths):
        raise UsageError("give either payloads or --all", "see 'git datmo evict -h'")
    with open_workspace(console.environ, console.cwd) as ws:
        paths = None if options.all else [ws.relative(path) for path in options.paths]
        done = evict(ws, paths, dry_run=options.dry_run, progress=console.progress())
    if options.json:
        document = {
            "remote": done.remote,
            "objects": done.objects,
            "bytes": done.size,
            "dry_run": options.dry_run,
        }
        console.print_json(document)
        return 0
    objects = "object" if done.objects == 1 else "objects"
    verb = "would free" if options.dry_run else "freed"
    console.print(
        f"{verb} {done.objects} {objects} that '{done.remote}' has, {show_size(done.size)}"
    )
    return 0
