"""git datmo du."""

import argparse
from collections.abc import Iterator

from git_datmo.cli.console import Console

DESCRIPTION = """\
Shows how much of the store each payload and each snapshot needs alone: the latter is what dropping
it would free. What several need is counted once. With --remote, shows what a remote holds by the
sizes in its records, and how much of that is here."""
EXAMPLES = """
git datmo du
git datmo du --remote
git datmo du --json
"""
KINDS = {":code": "(code)", ":environment": "(environments)", ":log": "(logs)", ":image": "(frozen images)"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--remote", nargs="?", const="", metavar="REMOTE", help="what a remote holds (as 'git fetch' chooses)"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.flows.space.du import measure, measure_remote
    from git_datmo.flows.workspace import open_workspace

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
    from git_datmo.flows.space.du import Use

    assert isinstance(use, Use)
    return {
        "payloads": [{"path": each.path, "versions": each.versions, "own": each.own} for each in use.payloads],
        "payloads_shared": use.payloads_shared,
        "snapshots": [
            {"id": str(each.id), "commit": str(each.record.commit), "size": each.size, "own": each.own}
            for each in use.snapshots
        ],
        "images": [
            {"id": str(each.id), "snapshot": str(each.record.snapshot), "size": each.size, "own": each.own}
            for each in use.images
        ],
        "snapshots_shared": use.snapshots_shared,
        "total": use.total,
        "disk": use.disk,
    }


def _lines(use: object) -> Iterator[str]:
    from git_datmo.cli.plain import plain
    from git_datmo.flows.space.du import Use
    from git_datmo.sizes import show_size

    assert isinstance(use, Use)
    for payload in use.payloads:
        versions = f"{payload.versions} version" + ("" if payload.versions == 1 else "s")
        yield f"{show_size(payload.own):>12}  {plain(KINDS.get(payload.path, payload.path))}, {versions}"
    yield f"{show_size(use.payloads_shared):>12}  shared between them"
    yield ""
    for each in use.snapshots:
        message = each.record.message.partition("\n")[0]
        yield plain(f"{show_size(each.own):>12}  snapshot {str(each.id)[:10]}" + (f"  {message}" if message else ""))
    for image in use.images:
        of = f"of snapshot {str(image.record.snapshot)[:10]}"
        yield plain(f"{show_size(image.own):>12}  image {str(image.id)[:10]}  {image.record.platform}, {of}")
    yield f"{show_size(use.snapshots_shared):>12}  shared between them or with what the working tree tracks"
    yield ""
    yield f"{show_size(use.total):>12}  in all; the store takes up {show_size(use.disk)}"


def _remote_document(use: object) -> dict[str, object]:
    from git_datmo.flows.space.du import RemoteUse

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
    from git_datmo.cli.plain import plain
    from git_datmo.flows.space.du import RemoteUse
    from git_datmo.sizes import show_size

    assert isinstance(use, RemoteUse)
    for each in use.payloads:
        versions = f"{each.versions} version" + ("" if each.versions == 1 else "s")
        name = plain(KINDS.get(each.path, each.path))
        yield f"{show_size(each.size):>12}  {name}, {versions}, {show_size(each.here)} here"
    snapshots = f"{use.snapshots} snapshot" + ("" if use.snapshots == 1 else "s")
    yield f"{show_size(use.size):>12}  in {snapshots} on '{use.remote}', {show_size(use.here)} here"
