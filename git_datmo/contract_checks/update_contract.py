"""Edit the contract of tables, so that new data pass it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from git_datmo.contract_checks.loosened_rules import loosen_rules
from git_datmo.contract_checks.new_data import NewData
from git_datmo.contracts.bounded_yaml import BadYaml, Path, read_document
from git_datmo.contracts.contract_changes import (
    contract_changes,
    largest,
    needed_version,
    version_problem,
)
from git_datmo.contracts.contract_edits import Edit, apply_edits
from git_datmo.contracts.contract_types import Contract, Field, Finding
from git_datmo.contracts.odcs_file import read_contract
from git_datmo.contracts.odcs_writer import field_document
from git_datmo.errors import DatmoError


@dataclass(frozen=True, slots=True)
class Updated:
    """Content of an updated contract, its changes, and the findings that no edit mends."""

    content: bytes
    changes: tuple[str, ...]
    left: tuple[Finding, ...]


def update_contract(
    content: bytes,
    old: Contract,
    data: Sequence[NewData],
    committed: Contract | None,
    *,
    ranges: bool,
) -> Updated:
    """Return the contract with the fields, types, nulls, bounds and values of new data.

    New fields keep the bounds of the data with `ranges`. The version rises as far as the change
    from the `committed` contract needs. Raises `DatmoError` if the contract cannot be edited.
    """
    schema = read_document(content).data["schema"]
    edits: list[Edit] = []
    changes: list[str] = []
    left: list[Finding] = []
    for each in data:
        index = old.tables.index(each.table)
        path: Path = ("schema", index)
        prefix = f"{each.table.name}." if len(old.tables) > 1 else ""
        for finding in each.findings:
            found = list(_find_edits(schema[index], path, each, finding, ranges=ranges))
            # Several files may break a rule, which one edit mends.
            for edit, change in found:
                if edit not in edits:
                    edits.append(edit)
                    changes.append(f"{prefix}{change}")
            if not found and finding.level == "refuse":
                left.append(finding)
    if not edits:
        return Updated(content, (), tuple(left))
    new = _edit(content, edits, old.file)
    version = _raise_version(committed, read_contract(new, old.file))
    if version:
        new = _edit(content, [*edits, Edit(("version",), version)], old.file)
        changes.append(f"version is now {version}")
    return Updated(new, tuple(changes), tuple(left))


def _find_edits(
    declared: dict[str, Any], path: Path, data: NewData, finding: Finding, *, ranges: bool
) -> Iterator[tuple[Edit, str]]:
    """Yield the edits of an object of the schema that mend a finding, each with its words."""
    field = next((one for one in data.inferred.fields if one.name == finding.field), None)
    properties = declared.get("properties") or []
    rows = {str(each["name"]): number for number, each in enumerate(properties)}
    path = (*path, "properties")
    if field is None:
        return
    if finding.rule == "undeclared":
        new = field_document(field if ranges else _without_bounds(field))
        yield Edit(path, new, is_new=True), f"{field.name}: added"
    elif field.name in rows:
        row = rows[field.name]
        for edit, change in loosen_rules(properties[row], field, finding.rule, data.outside):
            yield replace(edit, path=(*path, row, *edit.path)), f"{field.name}: {change}"


def _without_bounds(field: Field) -> Field:
    return replace(field, minimum=None, maximum=None, min_length=None, max_length=None)


def _raise_version(committed: Contract | None, new: Contract) -> str:
    """Return the version that the change of a committed contract needs; '' if it has it."""
    if committed is None:
        return ""
    changes = contract_changes(committed, new)
    size = largest(changes)
    if size is None or not version_problem(committed, new, changes):
        return ""
    return needed_version(committed.version, size)


def _edit(content: bytes, edits: Sequence[Edit], file: str) -> bytes:
    try:
        return apply_edits(content, edits)
    except BadYaml as error:
        place = f"{file}:{error.line}" if error.line else file
        raise DatmoError(f"cannot update {place}: {error}", "edit the file") from error
