"""The `git datmo drop` command."""

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.repository.workspace import Workspace
    from git_datmo.space.drop_records import Dropped
    from git_datmo.space.remote_release import Count, Released

DESCRIPTION = """\
Take snapshots out of use. 'git datmo log' no longer shows them in your clone and, once you
share, in all others. 'git datmo gc' then frees the objects that only these snapshots needed. A
frozen image goes with the last snapshot that can use it, or by its own id.

With --remote, git-datmo also releases everything that you dropped on a remote. It first shares
your unshared records. Then a new ref keeps everything else, so that the host can free the rest.

With --redact, git-datmo also removes the text of the records: message, reason, parameters, metrics,
command, and the receipts, tests and annotations about them. It replaces the history of records and
notes, in your clone and on each remote that has the text, and releases the objects there. With
--remote, it does so on that remote alone. No push or pull brings the text back. Use it if a record
has a password or a name in it. The text stays where git-datmo cannot reach: in other clones until
they fetch and collect garbage, in forks, in caches of a host, and on the host until it collects
garbage. Git's own commits and their messages do not change."""
EXAMPLES = """
git datmo drop 3f9c2a1b
git datmo drop 3f9c2a1b 77d0e5 --why "the labels were wrong"
git datmo drop --remote origin
git datmo drop --redact 3f9c2a1b
"""
REACH = (
    "the text stays in other clones until they fetch and collect garbage, in forks, in a host's"
    " caches, and on the host until it collects garbage; the commits' own messages stay in git"
)
LOCAL = "'git gc --prune=now' and 'git datmo gc' remove it from the objects of this clone"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo drop` to its parser."""
    parser.add_argument("--why", default="", metavar="TEXT", help="the reason for it")
    parser.add_argument(
        "--redact",
        action="store_true",
        help="also remove the records' text from the history of records, on remotes too",
    )
    parser.add_argument(
        "--remote",
        nargs="?",
        const="",
        metavar="REMOTE",
        help="let a remote free everything that was dropped (default: as 'git push' chooses)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "ids", nargs="*", metavar="ID", help="a snapshot's or image's id, or the start of it"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Drop records, release dropped records on remotes, and return 0.

    Raises `UsageError` without an id and without `--remote`.
    """
    from git_datmo.errors import UsageError
    from git_datmo.repository.workspace import open_workspace

    if not options.ids and options.remote is None:
        raise UsageError("no snapshot is named", "see 'git datmo drop -h'")
    with open_workspace(console.environ, console.cwd) as ws:
        done = _drop(ws, options, console) if options.ids else None
        freed = {name: _release(ws, name, options, console) for name in _remotes(ws, options)}
        left = _remotes_left(ws) if options.redact else ()
    if options.json:
        console.print_json(_document(done, freed, left))
    elif options.redact:
        for name in left:
            console.warn(
                f"'{name}' still has redacted text: 'git datmo drop --remote {name}' removes it"
            )
        console.tell(REACH)
        console.tell(LOCAL)
    return 0


def _drop(ws: "Workspace", options: argparse.Namespace, console: Console) -> "Dropped":
    """Drop or redact the named records, and print what was done."""
    if options.redact:
        from git_datmo.space.redact_records import redact

        done = redact(ws, options.ids, why=options.why)
    else:
        from git_datmo.space.drop_records import drop

        done = drop(ws, options.ids, why=options.why)
    if not options.json:
        for oid in done.records:
            console.print(f"{'redacted' if oid in done.redacted else 'dropped'}: {oid}")
        for remark in done.remarks:
            console.tell(remark)
    return done


def _remotes(ws: "Workspace", options: argparse.Namespace) -> tuple[str, ...]:
    """Return the remotes to act on: the named one, else those that have redacted text."""
    if options.remote is not None:
        return (options.remote,)
    return _remotes_left(ws) if options.redact else ()


def _remotes_left(ws: "Workspace") -> tuple[str, ...]:
    from git_datmo.space.redact_records import remotes_with_text

    return remotes_with_text(ws)


def _release(
    ws: "Workspace", name: str, options: argparse.Namespace, console: Console
) -> "Released | None":
    """Release dropped records on a remote, and print what it may free.

    Return None if its objects are in a store elsewhere, of which only the records were redacted.
    """
    from git_datmo.space.redact_records import redact_remote
    from git_datmo.space.remote_release import release

    progress = console.progress()
    step = redact_remote if options.redact else release
    freed = step(ws, name, progress=progress)
    if options.redact and not options.json:
        console.print(f"'{name}' has no redacted text in its records any more")
    if not options.json:
        _print_released(name, freed, console)
    for kind, oid in freed.unkept if freed is not None else ():
        console.warn(f"'{name}' does not keep what {kind} {str(oid)[:10]} names")
    return freed


def _print_released(name: str, freed: "Released | None", console: Console) -> None:
    """Print what a remote may free."""
    if freed is None:
        console.print(f"'{name}' keeps all objects, which are in a store elsewhere")
    elif freed.is_clone:
        console.print(
            f"'{freed.remote}' is a working clone: it knows what was dropped, and 'git datmo gc'"
            " there frees it"
        )
    else:
        console.print(
            f"'{freed.remote}' released {_told(freed.released)}, and keeps {_told(freed.kept)}"
        )


def _told(count: "Count") -> str:
    """Return the counts of snapshots and images in words, like `2 snapshots and 1 image`.

    Images are rare, and zero images are not mentioned.
    """
    parts = [f"{count.snapshots} snapshot{'' if count.snapshots == 1 else 's'}"]
    if count.images:
        parts.append(f"{count.images} image{'' if count.images == 1 else 's'}")
    return " and ".join(parts)


def _document(
    done: "Dropped | None",
    freed: "dict[str, Released | None]",
    left: tuple[str, ...],
) -> dict[str, object]:
    """Return the JSON document of dropped, redacted and released records."""
    return {
        "id": str(done.id) if done is not None else None,
        "dropped": list(map(str, done.records)) if done is not None else [],
        "redacted": list(map(str, done.redacted)) if done is not None else [],
        "remarks": list(done.remarks) if done is not None else [],
        "remotes": [_remote_document(name, each) for name, each in freed.items()],
        "remotes_with_text": list(left),
    }


def _remote_document(name: str, freed: "Released | None") -> dict[str, object]:
    """Return the JSON object of a remote; only its name if its objects are elsewhere."""
    if freed is None:
        return {"name": name}
    return {
        "name": freed.remote,
        "clone": freed.is_clone,
        "kept": freed.kept.snapshots,
        "kept_images": freed.kept.images,
        "released": freed.released.snapshots,
        "released_images": freed.released.images,
        "unkept": [str(oid) for _, oid in freed.unkept],
    }
