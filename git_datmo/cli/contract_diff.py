"""Print how contracts changed: `git datmo contract diff`."""

from __future__ import annotations

import argparse
from typing import Any

from git_datmo.cli.console import Console
from git_datmo.contract_checks.changed_contracts import ContractDiff, diff_contracts
from git_datmo.repository.workspace import Workspace
from git_datmo.terminal_text import make_printable

_COLOURS = {"major": "red", "minor": "yellow", "patch": "green"}


def run(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Print the changed contracts and return 0."""
    one = options.names[0] if options.names else "HEAD"
    other = options.names[1] if len(options.names) > 1 else ""
    console.use_colours()
    found = diff_contracts(ws, one, other)
    if options.json:
        for diff in found:
            console.print_json(diff_document(diff))
    elif not found:
        console.tell("the contracts do not differ")
    else:
        with console.paged():
            for index, diff in enumerate(found):
                if index:
                    console.print()
                print_contract_diff(diff, console)
    return 0


def print_contract_diff(diff: ContractDiff, console: Console, indent: str = "") -> None:
    """Print the changes of a contract, a line each."""
    console.print(indent + console.paint("bold", make_printable(diff.title)))
    for change in diff.changes:
        size = console.paint(_COLOURS[change.size], change.size)
        line = make_printable(f"{change.path}: {change.reason} ({change.direction})")
        console.print(f"{indent}  {size} {line}")
    if diff.problem:
        console.print(f"{indent}  {console.paint('red', make_printable(diff.problem))}")


def diff_document(diff: ContractDiff) -> dict[str, Any]:
    """Return the changes of a contract as a JSON object."""
    return {
        "file": diff.file,
        "state": diff.state,
        "before": diff.old_version,
        "after": diff.new_version,
        "size": diff.size,
        "problem": diff.problem,
        "changes": [
            {
                "path": change.path,
                "kind": change.kind,
                "direction": change.direction,
                "size": change.size,
                "reason": change.reason,
            }
            for change in diff.changes
        ],
    }
