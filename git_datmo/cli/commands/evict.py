"""The `git datmo evict` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Free local copies of content that the remote has. git-datmo asks the remote first, and keeps
everything that the remote does not have. The files in your working tree stay as they are, and
stay tracked. 'git datmo checkout' fetches evicted content when it needs it. Code, environments and
logs always stay."""
EXAMPLES = """
git datmo evict data/faces
git datmo evict --all --dry-run
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo evict` to its parser."""
    parser.add_argument(
        "--all", action="store_true", help="free all payloads and images that snapshots name"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="list what would be freed, and free nothing"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="a payload, in all its versions")


def run(options: argparse.Namespace, console: Console) -> int:
    """Free content that the remote has, print its size, and return 0.

    Raises `UsageError` unless the user gives either payloads or `--all`.
    """
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
