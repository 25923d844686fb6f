"""The `git datmo fsck` command."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.recovery.object_losses import Loss
    from git_datmo.space.store_check import Checked, RemoteChecked

DESCRIPTION = """\
Read every object of the store, and name each payload and snapshot with a damaged or missing
object. An object is missing if it is neither available locally nor on a remote that is known to
have the snapshot.

With --repair, git-datmo writes the healthy content of damaged files to a new pack. It then moves
the files to the folder 'damaged' of the store. It restores lost objects from the files of the
working tree if these still contain them, else from a remote. With --remote, git-datmo checks
instead that a remote keeps everything that its records name.

The JSON object has the keys 'sound', 'damaged', 'lost', 'recovered' and 'moved_to'. Each element
of 'damaged' has 'file', 'why' and 'objects'. Each element of 'lost' has the 'path' of a payload
and the 'record' that needs it, or '' for the working tree. It also has the ids of 'damaged' and
'missing' objects. 'recovered' is the number of restored objects. With --remote, the keys are
'remote', 'sound', 'records' and 'lost'.

The exit code is 0 if everything is sound or repaired, and 1 if something is damaged or missing."""
EXAMPLES = """
git datmo fsck
git datmo fsck --repair
git datmo fsck --remote origin --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo fsck` to its parser."""
    parser.add_argument(
        "--repair",
        action="store_true",
        help="move damaged files out of the store, and get lost objects back",
    )
    parser.add_argument(
        "--remote",
        nargs="?",
        const="",
        metavar="REMOTE",
        help="check a remote instead of the store (as 'git fetch' chooses)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace, console: Console) -> int:
    """Check the store or a remote; return 0 if it is sound or repaired, else 1.

    Raises `UsageError` for `--repair` with `--remote`.
    """
    from git_datmo.errors import UsageError
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.space.store_check import check, check_remote

    if options.repair and options.remote is not None:
        raise UsageError(
            "--repair changes the store, and --remote checks a remote", "give one of them"
        )
    with open_workspace(console.environ, console.cwd) as ws:
        if options.remote is not None:
            remote = check_remote(ws, options.remote, progress=console.progress())
            document, lines, sound = (
                _remote_document(remote),
                _remote_lines(remote),
                not remote.losses,
            )
        else:
            found = check(ws, repair=options.repair, progress=console.progress())
            document, lines, sound = _document(found), _lines(found), found.is_sound
    if options.json:
        console.print_json(document)
    else:
        for line in lines:
            console.print(line)
    return 0 if sound else 1


def _document(found: "Checked") -> dict[str, Any]:
    """Return the JSON document of a check of the store."""
    return {
        "sound": found.is_sound,
        "damaged": [
            {"file": str(flaw.path), "why": flaw.why, "objects": sorted(map(str, flaw.oids))}
            for flaw in found.flaws
        ],
        "lost": [_loss(loss) for loss in found.losses],
        "recovered": found.recovered,
        "moved_to": str(found.aside) if found.aside else None,
    }


def _remote_document(found: "RemoteChecked") -> dict[str, Any]:
    """Return the JSON document of a check of a remote."""
    return {
        "remote": found.remote,
        "sound": not found.losses,
        "records": found.records,
        "lost": [_loss(loss) for loss in found.losses],
    }


def _loss(loss: "Loss") -> dict[str, Any]:
    """Return a loss as a JSON object."""
    return {
        "path": loss.path,
        "record": loss.record,
        "damaged": list(map(str, loss.damaged)),
        "missing": list(map(str, loss.missing)),
    }


def _lines(found: "Checked") -> Iterator[str]:
    """Yield the report of a check of the store."""
    for flaw in found.flaws:
        yield f"damaged  {flaw.path}: {flaw.why}"
    if found.aside is not None:
        yield f"moved to '{found.aside}'"
    if found.recovered:
        yield f"{_count(found.recovered)} recovered"
    yield from map(_line, found.losses)
    if found.is_sound:
        yield "the store is sound"
    elif found.aside is None and found.flaws:
        yield (
            "'git datmo fsck --repair' moves damaged files aside and restores what is found"
            " elsewhere"
        )
    else:
        yield "ask the author of the snapshot to run 'git datmo push', then repeat this"


def _remote_lines(found: "RemoteChecked") -> Iterator[str]:
    """Yield the report of a check of a remote."""
    yield from map(_line, found.losses)
    records, name = (
        ("1 record", "names") if found.records == 1 else (f"{found.records} records", "name")
    )
    if found.losses:
        yield f"'{found.remote}' does not keep everything that its {records} {name}"
        yield "a person who has the missing data can send them with 'git datmo push'"
    else:
        yield f"'{found.remote}' keeps everything that its {records} {name}"


def _line(loss: "Loss") -> str:
    """Return the line of a loss: path, snapshot, and the first object."""
    where = f"snapshot {loss.record[:10]}" if loss.record else "the working tree"
    parts = [
        f"{_count(len(oids))} {what}"
        for what, oids in (("damaged", loss.damaged), ("missing", loss.missing))
    ]
    said = " and ".join(part for part in parts if not part.startswith("0 "))
    # The least id makes the line the same each time.
    first = min(loss.damaged or loss.missing)
    return f"lost     '{loss.path}' of {where}: {said}, the first is {first}"


def _count(objects: int) -> str:
    """Return a number of objects in words."""
    return f"{objects} object" + ("" if objects == 1 else "s")
