"""The `git datmo status` command."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.payloads.worktree_status import PayloadStatus
    from git_datmo.repository.workspace import Workspace

DESCRIPTION = """\
Show the state of each payload: unchanged, modified, missing or not fetched, and if it is not in
a snapshot. Name the files of modified payloads: modified, deleted and new ones. Also show how
many records you have not shared with the remote yet. After a merge, show the paths that wait for
your decision. If contracts of data and models do not fit each other, name data, model and field."""
EXAMPLES = """
git datmo status
git datmo status --json
"""

TITLES = {"modified": "modified:", "deleted": "deleted:", "new": "new file:"}
# Files of a payload that are named.
SHOWN = 100
COLOURS = {"unchanged": "green", "modified": "red", "missing": "red", "not fetched": "cyan"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo status` to its parser."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace, console: Console) -> int:
    """Print the status of the working tree and return 0."""
    from git_datmo.payloads.worktree_status import Status, examine
    from git_datmo.repository.workspace import open_workspace

    console.use_colours()
    with open_workspace(console.environ, console.cwd) as ws:
        status = examine(ws)
        status = replace(status, warnings=(*_early_warnings(ws), *status.warnings))
    if options.json:
        console.print_json(_document(status))
        return 0
    _print(status, console)
    for warning in status.warnings:
        console.warn(warning)
    assert isinstance(status, Status)
    return 0


def _early_warnings(ws: "Workspace") -> tuple[str, ...]:
    """Return the faults of a clone's set-up, and the contracts that do not fit."""
    from git_datmo.contract_checks.run_gate import find_misfits, name_misfits
    from git_datmo.history.unprepared_clone import unprepared_warning
    from git_datmo.repository.hook_state import find_trouble

    misfits = name_misfits(find_misfits(ws))
    return (*find_trouble(ws), *filter(None, [unprepared_warning(ws)]), *misfits)


def _document(status: object) -> dict[str, object]:
    """Return the JSON document of a status."""
    from git_datmo.payloads.worktree_status import Status

    assert isinstance(status, Status)
    return {
        "payloads": [
            {
                "path": each.payload.path,
                "role": str(each.payload.role),
                "object": str(each.payload.object),
                "size": each.payload.content.size,
                "files": each.payload.content.files,
                "state": each.state,
                "in_snapshot": each.in_snapshot,
                "changes": [
                    {"path": change.path, "change": change.change} for change in each.changes
                ],
            }
            for each in status.payloads
        ],
        "standing": list(status.standing),
        "snapshots": list(status.snapshots),
        "differs": status.differs,
        "never_shared": status.never_shared or None,
        "shallow": status.is_shallow,
        "remote": status.remote or None,
        "unshared": status.unshared,
        "interrupted": bool(status.interrupted),
        "undecided": list(status.undecided),
        "warnings": list(status.warnings),
    }


def _print(status: object, console: Console) -> None:
    """Print a status: unfinished work, HEAD's data, payloads, and records to share."""
    from git_datmo.payloads.worktree_status import Status
    from git_datmo.sizes import show_size

    assert isinstance(status, Status)
    if status.interrupted:
        console.print(
            console.paint("red", f"A checkout was interrupted: '{status.interrupted}' finishes it")
        )
    if status.undecided:
        console.print(
            console.paint("red", "The merge kept these as they are here, until you decide:")
        )
        for path in status.undecided:
            console.print(f"  {path}")
        console.print(f"({status.hint})")
    if status.standing:
        console.print(f"On {_name_snapshots(status.standing, '')}")
    _print_standing(status, console)
    if not status.payloads:
        way = (
            "git datmo add-data PATH' tracks one"
            if status.is_set_up
            else "git datmo init' sets the repository up"
        )
        console.print(f"No payloads are tracked ('{way})")
    width = max((len(each.payload.path) for each in status.payloads), default=0)
    for each in status.payloads:
        state = console.paint(COLOURS[each.state], f"{each.state:<11}")
        size = show_size(each.payload.content.size)
        where = "" if each.in_snapshot else console.paint("yellow", "  not in a snapshot")
        console.print(
            f"  {state}  {each.payload.path:<{width}}  {each.payload.role}, {size}{where}"
        )
        _print_changes(each, console)
    if any(each.state == "not fetched" for each in status.payloads):
        console.print("'git datmo checkout' fetches missing data")
    if status.unshared:
        records = "record" if status.unshared == 1 else "records"
        if status.remote:
            console.print(
                f"{status.unshared} {records} not shared with '{status.remote}' yet ('git push'"
                " shares)"
            )


def _print_changes(payload: "PayloadStatus", console: Console) -> None:
    """Print the files of a payload that differ, as git does."""
    from git_datmo.terminal_text import make_printable

    for change in payload.changes[:SHOWN]:
        line = f"{TITLES[change.change]:<11} {make_printable(change.path)}"
        console.print(f"    {console.paint('red', line)}")
    left = len(payload.changes) - SHOWN
    if left > 0:
        console.print(f"    and {left} more ('git datmo status --json' names all)")


def _print_standing(status: object, console: Console) -> None:
    """Print how the files relate to the data of HEAD, unless both are the same."""
    from git_datmo.payloads.worktree_status import Status

    assert isinstance(status, Status)
    if status.never_shared:
        console.print(console.paint("red", status.never_shared))
    if status.is_shallow:
        console.print(
            "This clone is shallow: 'git fetch --unshallow' gets the history that tells which"
            " data HEAD has"
        )
    elif status.differs and not status.never_shared and not status.undecided:
        files = _name_snapshots(status.standing, "no snapshot")
        head = _name_snapshots(status.snapshots, "no data")
        console.print(console.paint("yellow", f"The files are from {files}; HEAD has {head}"))
        console.print("('git datmo checkout' brings the data of HEAD)")


def _name_snapshots(snapshots: tuple[str, ...], none: str) -> str:
    """Return the short ids of snapshots in words, or `none` if `snapshots` is empty."""
    if not snapshots:
        return none
    names = " and ".join(snapshot[:10] for snapshot in snapshots)
    return f"snapshot{'s' * (len(snapshots) > 1)} {names}"
