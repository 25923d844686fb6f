"""The `git datmo du` command."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.space.files_outside_store import Beside, Built

DESCRIPTION = """\
Show how much of the store each payload and each snapshot needs alone. For a snapshot, this is
the size that you free if you drop it. Content that several of them need is counted once. If
snapshots have the same data, git-datmo names them with the size that you free if you drop all of
them.

The rest of the report shows files outside the store: built environments, their images in the
container engine, folders of reruns, caches, and damaged files that 'git datmo fsck --repair'
moved aside.

With --remote, git-datmo shows the content of a remote by the sizes in its records, and how much
of it is available locally."""
EXAMPLES = """
git datmo du
git datmo du --remote
git datmo du --json
"""
# Maximum number of records that are named in a group with the same data.
NAMED = 5
KINDS = {
    ":code": "(code)",
    ":environment": "(environments)",
    ":log": "(logs)",
    ":image": "(frozen images)",
    ":series": "(curves)",
    ":artifacts": "(artifacts)",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo du` to its parser."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--remote",
        nargs="?",
        const="",
        metavar="REMOTE",
        help="show the content of a remote (as 'git fetch' chooses)",
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Print the use of the store, or of a remote, and return 0."""
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.space.disk_report import measure, measure_remote

    with open_workspace(console.environ, console.cwd) as ws:
        if options.remote is None:
            used = measure(ws, progress=console.progress())
            document, lines = _document(used), _lines(used)
        else:
            held = measure_remote(ws, options.remote, progress=console.progress())
            document, lines = _remote_document(held), _remote_lines(held)
    if options.json:
        console.print_json(document)
        return 0
    for line in lines:
        console.print(line)
    return 0


def _document(use: object) -> dict[str, object]:
    """Return the JSON document of the store's use. Sizes are in bytes."""
    from git_datmo.space.disk_report import Use

    assert isinstance(use, Use)
    return {
        "payloads": [
            {"path": each.path, "versions": each.versions, "own": each.own} for each in use.payloads
        ],
        "payloads_shared": use.payloads_shared,
        "snapshots": [
            {
                "id": str(each.id),
                "commit": str(each.record.commit),
                "size": each.size,
                "own": each.own,
            }
            for each in use.snapshots
        ],
        "images": [
            {
                "id": str(each.id),
                "snapshot": str(each.record.snapshot),
                "size": each.size,
                "own": each.own,
            }
            for each in use.images
        ],
        "together": [{"records": list(each.records), "own": each.own} for each in use.together],
        "snapshots_shared": use.snapshots_shared,
        "total": use.total,
        "disk": use.disk,
        "beside": {
            "environments": _built(use.beside.environments),
            "images": None if use.beside.images is None else _built(use.beside.images),
            "workspaces": use.beside.workspaces,
            "caches": use.beside.caches,
            "damaged": use.beside.damaged,
        },
    }


def _built(found: "tuple[Built, ...]") -> list[dict[str, object]]:
    """Return built environments or images as JSON objects."""
    return [{"id": each.id, "size": each.size, "needed": each.needed} for each in found]


def _lines(use: object) -> Iterator[str]:
    """Yield the report of the store's use."""
    from git_datmo.sizes import show_size
    from git_datmo.space.disk_report import Use

    assert isinstance(use, Use)
    for payload in use.payloads:
        versions = f"{payload.versions} version" + ("" if payload.versions == 1 else "s")
        yield f"{show_size(payload.own):>12}  {KINDS.get(payload.path, payload.path)}, {versions}"
    yield f"{show_size(use.payloads_shared):>12}  shared between them"
    yield ""
    for each in use.snapshots:
        message = each.record.message.partition("\n")[0]
        yield f"{show_size(each.own):>12}  snapshot {str(each.id)[:10]}" + (
            f"  {message}" if message else ""
        )
    for image in use.images:
        of = f"of snapshot {str(image.record.snapshot)[:10]}"
        yield (
            f"{show_size(image.own):>12}  image {str(image.id)[:10]}  {image.record.platform}, {of}"
        )
    yield (
        f"{show_size(use.snapshots_shared):>12}  shared between them or with what the working"
        " tree tracks"
    )
    for group in use.together:
        named = ", ".join(record[:10] for record in group.records[:NAMED])
        more = f" and {len(group.records) - NAMED} more" if len(group.records) > NAMED else ""
        yield (
            f"{show_size(group.own):>12}  freed only when all of these are dropped: {named}{more}"
        )
    yield ""
    yield f"{show_size(use.total):>12}  in all; the store takes up {show_size(use.disk)}"
    yield ""
    yield from _beside_lines(use.beside)


def _beside_lines(beside: "Beside") -> Iterator[str]:
    """Yield the report of files outside the store."""
    from git_datmo.sizes import show_size

    yield _built_line(beside.environments, "built environment")
    if beside.images is None:
        yield f"{'?':>12}  images of environments: no container engine answers"
    else:
        yield _built_line(beside.images, "image")
    yield f"{show_size(beside.workspaces):>12}  folders of reruns"
    yield f"{show_size(beside.caches):>12}  caches"
    if beside.damaged:
        yield f"{show_size(beside.damaged):>12}  damaged files that were moved aside"


def _built_line(found: "tuple[Built, ...]", what: str) -> str:
    """Yield the total size and number of built environments or images, and those without use."""
    from git_datmo.sizes import show_size

    unneeded = sum(not each.needed for each in found)
    total = show_size(sum(each.size for each in found))
    counted = f"{len(found)} {what}" + ("" if len(found) == 1 else "s")
    freed = f", {unneeded} not needed by any snapshot (see 'git datmo gc')" if unneeded else ""
    return f"{total:>12}  {counted}{freed}"


def _remote_document(use: object) -> dict[str, object]:
    """Return the JSON document of a remote's use. Sizes are in bytes."""
    from git_datmo.space.disk_report import RemoteUse

    assert isinstance(use, RemoteUse)
    return {
        "remote": use.remote,
        "payloads": [
            {"path": each.path, "versions": each.versions, "size": each.size, "here": each.here}
            for each in use.payloads
        ],
        "snapshots": use.snapshots,
        "size": use.size,
        "here": use.here,
    }


def _remote_lines(use: object) -> Iterator[str]:
    """Yield the report of a remote's use."""
    from git_datmo.sizes import show_size
    from git_datmo.space.disk_report import RemoteUse

    assert isinstance(use, RemoteUse)
    for each in use.payloads:
        versions = f"{each.versions} version" + ("" if each.versions == 1 else "s")
        name = KINDS.get(each.path, each.path)
        yield f"{show_size(each.size):>12}  {name}, {versions}, {show_size(each.here)} here"
    snapshots = f"{use.snapshots} snapshot" + ("" if use.snapshots == 1 else "s")
    yield f"{show_size(use.size):>12}  in {snapshots} on '{use.remote}', {show_size(use.here)} here"
