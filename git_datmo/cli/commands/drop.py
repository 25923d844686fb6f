"""The `git datmo drop` command."""

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.space.remote_release import Count

DESCRIPTION = """\
Take snapshots out of use. 'git datmo log' no longer shows them in your clone and, once you
share, in all others. 'git datmo gc' then frees the objects that only these snapshots needed. A
frozen image goes with the last snapshot that can use it, or by its own id.

With --remote, git-datmo also releases everything that you dropped on a remote. It first shares
your unshared records. Then a new ref keeps everything else, so that the host can free the rest."""
EXAMPLES = """
git datmo drop 3f9c2a1b
git datmo drop 3f9c2a1b 77d0e5 --why "the labels were wrong"
git datmo drop --remote origin
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo drop` to its parser."""
    parser.add_argument("--why", default="", metavar="TEXT", help="the reason for it")
    parser.add_argument(
        "--remote",
        nargs="?",
        const="",
        metavar="REMOTE",
        help="let go of it there too (as 'git push' chooses)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "ids", nargs="*", metavar="ID", help="a snapshot's or image's id, or the start of it"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Drop records, release dropped records on a remote, and return 0.

    Raises `UsageError` without an id and without `--remote`.
    """
    from git_datmo.errors import UsageError
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.space.drop_records import drop
    from git_datmo.space.remote_release import release

    if not options.ids and options.remote is None:
        raise UsageError("no snapshot is named", "see 'git datmo drop -h'")
    with open_workspace(console.environ, console.cwd) as ws:
        done = drop(ws, options.ids, why=options.why) if options.ids else None
        if done is not None and not options.json:
            for oid in done.records:
                console.print(f"dropped: {oid}")
            for remark in done.remarks:
                console.tell(remark)
        freed = (
            release(ws, options.remote, progress=console.progress())
            if options.remote is not None
            else None
        )
    if options.json:
        console.print_json(_document(done, freed))
    elif freed is not None and freed.is_clone:
        console.print(
            f"'{freed.remote}' is a working clone: it knows what was dropped, and 'git datmo gc'"
            " there frees it"
        )
    elif freed is not None:
        console.print(
            f"'{freed.remote}' released {_told(freed.released)}, and keeps {_told(freed.kept)}"
        )
    if freed is not None:
        for kind, oid in freed.unkept:
            console.warn(f"'{freed.remote}' does not keep what {kind} {str(oid)[:10]} names")
    return 0


def _told(count: "Count") -> str:
    """Return the counts of snapshots and images in words, like `2 snapshots and 1 image`.

    Images are rare, and zero images are not mentioned.
    """
    parts = [f"{count.snapshots} snapshot{'' if count.snapshots == 1 else 's'}"]
    if count.images:
        parts.append(f"{count.images} image{'' if count.images == 1 else 's'}")
    return " and ".join(parts)


def _document(done: object, freed: object) -> dict[str, object]:
    """Return the JSON document of dropped and released records."""
    from git_datmo.space.drop_records import Dropped
    from git_datmo.space.remote_release import Released

    document: dict[str, object] = {"id": None, "dropped": [], "remarks": [], "remote": None}
    if isinstance(done, Dropped):
        document |= {
            "id": str(done.id),
            "dropped": list(map(str, done.records)),
            "remarks": list(done.remarks),
        }
    if isinstance(freed, Released):
        document["remote"] = {
            "name": freed.remote,
            "clone": freed.is_clone,
            "kept": freed.kept.snapshots,
            "kept_images": freed.kept.images,
            "released": freed.released.snapshots,
            "released_images": freed.released.images,
            "unkept": [str(oid) for _, oid in freed.unkept],
        }
    return document
