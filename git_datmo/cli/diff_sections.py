"""Print the differences of two experiments, section by section."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from git_datmo.cli.console import Console
from git_datmo.cli.text_tables import cut, shorten
from git_datmo.environments.environment_diff import PackageChange
from git_datmo.records.record_values import Value, show_value
from git_datmo.report.data_changes import DataChange, DataFile
from git_datmo.report.experiment_diff import ExperimentDiff, ValueChange
from git_datmo.report.table_shapes import TableShape
from git_datmo.sizes import show_count, show_size
from git_datmo.terminal_text import make_printable

# Files of a payload that are named.
SHOWN = 100
SIGNS = {"added": ("green", "+"), "removed": ("red", "-"), "changed": ("yellow", "~")}
CODE_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def print_diff(found: ExperimentDiff, console: Console) -> None:
    """Print the sections that have a difference."""
    for sign, side in (("---", found.one), ("+++", found.other)):
        title = make_printable(side.snapshot.message.partition("\n")[0])
        name = f"{sign} snapshot {str(side.id)[:10]} of commit {str(side.commit)[:10]}"
        console.print(f"{console.paint('bold', name)}  {cut(title, 60)}".rstrip())
    _print_values("command", found.command, console)
    _print_values("parameters", found.parameters, console)
    _print_values("metrics", found.metrics, console)
    if found.environment or found.environment_note:
        _print_title("environment", console)
        for change in found.environment:
            colour, line = package_line(change)
            console.print(f"  {console.paint(colour, shorten(line))}")
        if found.environment_note:
            console.print(f"  {found.environment_note}")
    if found.data:
        _print_title("data", console)
        for payload in found.data:
            _print_payload(payload, console)
    _print_contracts(found, console)
    if found.code:
        _print_title("code", console)
        for line in found.code.splitlines():
            painted = CODE_COLOURS.get(line[:1])
            shown = make_printable(line)
            console.print(console.paint(painted, shown) if painted else shown)


def _print_contracts(found: ExperimentDiff, console: Console) -> None:
    """Print the changes of contracts."""
    if not found.contracts:
        return
    from git_datmo.cli.contract_diff import print_contract_diff

    _print_title("contracts", console)
    for contract in found.contracts:
        print_contract_diff(contract, console, indent="  ")


def _print_title(title: str, console: Console) -> None:
    console.print()
    console.print(console.paint("bold", f"{title}:"))


def _print_values(title: str, changes: Iterable[ValueChange], console: Console) -> None:
    """Print values that differ, with the difference of parameters and metrics that are numbers."""
    for number, change in enumerate(changes):
        if number == 0:
            _print_title(title, console)
        console.print(f"  {_value_line(change, with_difference=title != 'command')}")


def _value_line(change: ValueChange, *, with_difference: bool) -> str:
    """Return a value that differs as `NAME: BEFORE -> AFTER (DIFFERENCE)`."""
    text = f"{shorten(change.name)}: {show_side(change.before)} -> {show_side(change.after)}"
    # The difference of two exit codes means nothing.
    difference = change.difference if with_difference else None
    return text if difference is None else f"{text} ({difference:+.6g})"


def show_side(value: Value | None) -> str:
    """Return a value of one side as a short text."""
    return "(none)" if value is None else shorten(show_value(value))


def package_line(change: PackageChange) -> tuple[str, str]:
    """Return the colour and the line of a change of an environment."""
    what = change.name if change.kind == "package" else f"{change.kind} {change.name}".rstrip()
    if change.before is None:
        return "green", f"+ {what} {change.after}".rstrip()
    if change.after is None:
        return "red", f"- {what} {change.before}".rstrip()
    return "yellow", f"~ {what} {change.before} -> {change.after}"


def _print_payload(change: DataChange, console: Console) -> None:
    """Print a payload that differs, and its files."""
    sides = []
    for payload in (change.before, change.after):
        if payload is None:
            sides.append("(none)")
        else:
            content = payload.content
            files = show_count(content.files, "file")
            sides.append(f"{files}, {show_size(content.size)}")
    images = ""
    if change.images:
        images = f"; images: {change.images[0]} -> {change.images[1]}"
    console.print(f"  {shorten(change.path)}: {' -> '.join(sides)}{images}")
    if change.files is None:
        console.print(
            "    (its list of files is not in this clone: 'git datmo checkout' fetches it)"
        )
        return
    for file in change.files[:SHOWN]:
        colour, sign = SIGNS[file.change]
        console.print(f"    {console.paint(colour, f'{sign} {_file_text(file)}')}")
    left = len(change.files) - SHOWN
    if left > 0:
        console.print(f"    and {show_count(left, 'more file')} ('--json' lists all)")


def _file_text(file: DataFile) -> str:
    """Return a file with its sizes, and its rows and columns if it is a table."""
    sizes = [show_size(size) for size in file.sizes if size is not None]
    words = [" -> ".join(dict.fromkeys(sizes))] if sizes else []
    before, after = file.shapes
    if before and after:
        words += _shape_changes(before, after)
    elif before or after:
        shape = before or after
        assert shape is not None
        words.append(f"{show_count(shape.rows, 'row')}, {show_count(len(shape.columns), 'column')}")
    return f"{shorten(file.path)}  ({'; '.join(words)})" if words else shorten(file.path)


def _shape_changes(before: TableShape, after: TableShape) -> Iterator[str]:
    """Yield how the shape of a table changed."""
    rows = f"{before.rows} -> {after.rows}" if before.rows != after.rows else f"{after.rows}"
    yield f"rows: {rows}"
    if before.columns == after.columns:
        yield f"columns: {len(after.columns)}"
        return
    yield f"columns: {len(before.columns)} -> {len(after.columns)}"
    old, new = set(before.columns), set(after.columns)
    changed = [f"+{name}" for name in after.columns if name not in old]
    changed += [f"-{name}" for name in before.columns if name not in new]
    if changed:
        yield shorten(" ".join(changed))


def diff_document(found: ExperimentDiff) -> dict[str, Any]:
    """Return the JSON document of the differences."""
    contracts = []
    if found.contracts:
        from git_datmo.cli.contract_diff import diff_document as contract_document

        contracts = [contract_document(contract) for contract in found.contracts]
    return {
        "a": str(found.one.id),
        "b": str(found.other.id),
        "command": [_value_document(change) for change in found.command],
        "parameters": [_value_document(change) for change in found.parameters],
        "metrics": [_value_document(change) for change in found.metrics],
        "environment": [
            {"kind": c.kind, "name": c.name, "before": c.before, "after": c.after}
            for c in found.environment
        ],
        "environment_note": found.environment_note or None,
        "data": [_payload_document(change) for change in found.data],
        "contracts": contracts,
        "code": found.code,
    }


def _value_document(change: ValueChange) -> dict[str, Any]:
    return {"name": change.name, "before": change.before, "after": change.after}


def _payload_document(change: DataChange) -> dict[str, Any]:
    sides = {"before": change.before, "after": change.after}
    return {
        "path": change.path,
        **{
            name: None
            if payload is None
            else {
                "object": str(payload.object),
                "size": payload.content.size,
                "files": payload.content.files,
            }
            for name, payload in sides.items()
        },
        "images": list(change.images) if change.images else None,
        "files": None
        if change.files is None
        else [
            {
                "path": file.path,
                "change": file.change,
                "sizes": list(file.sizes),
                "tables": [
                    {"rows": shape.rows, "columns": list(shape.columns)} if shape else None
                    for shape in file.shapes
                ],
            }
            for file in change.files
        ],
    }
