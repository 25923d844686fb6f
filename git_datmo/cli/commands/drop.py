"""git datmo drop."""

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.space.remote_release import Count

DESCRIPTION = """\
Gives snapshots up: 'log' shows them no more, here and, once shared, for everybody. 'git datmo
gc' then frees what they alone needed; frozen images go with the last snapshot that can use them,
or by their own ids. With --remote, all that is dropped is let go on a remote too: what else it
has is kept by a new ref, so that its host can free the rest; what was not shared yet is shared
first."""
EXAMPLES = """
git datmo drop 3f9c2a1b
git datmo drop 3f9c2a1b 77d0e5 --why "the labels were wrong"
git datmo drop --remote origin
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
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
            f"'{freed.remote}' let go of {_told(freed.released)}, and keeps {_told(freed.kept)}"
        )
    if freed is not None:
        for kind, oid in freed.unkept:
            console.warn(f"'{freed.remote}' does not keep what {kind} {str(oid)[:10]} names")
    return 0


def _told(count: "Count") -> str:
    """`2 snapshots and 1 image`; images are rare, and named only where there are some."""
    parts = [f"{count.snapshots} snapshot{'' if count.snapshots == 1 else 's'}"]
    if count.images:
        parts.append(f"{count.images} image{'' if count.images == 1 else 's'}")
    return " and ".join(parts)


def _document(done: object, freed: object) -> dict[str, object]:
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
