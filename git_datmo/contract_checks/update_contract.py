"""Edit the contract of a table, so that new data pass it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from git_datmo.contracts.bounded_yaml import BadYaml, Path, read_document
from git_datmo.contracts.contract_changes import (
    contract_changes,
    largest,
    needed_version,
    version_problem,
)
from git_datmo.contracts.contract_edits import Edit, apply_edits
from git_datmo.contracts.contract_types import Contract, Field, Finding, Table
from git_datmo.contracts.odcs_file import read_contract
from git_datmo.contracts.odcs_writer import field_document, flow_text
from git_datmo.errors import DatmoError

# Keys of a property, or of its `logicalTypeOptions`, by the rule that needs another value of them.
_KEYS = {
    "type": ("logicalType", "physicalType"),
    "physicalType": ("physicalType",),
    "required": ("required",),
}
_BOUNDS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "minLength": "min_length",
    "maxLength": "max_length",
}


@dataclass(frozen=True, slots=True)
class Updated:
    """Content of an updated contract, its changes, and the findings that no edit mends."""

    content: bytes
    changes: tuple[str, ...]
    left: tuple[Finding, ...]


def update_contract(
    content: bytes,
    old: Contract,
    inferred: Sequence[Table],
    findings: Iterable[Finding],
    committed: Contract | None,
    *,
    ranges: bool,
) -> Updated:
    """Return the contract with the fields, types, nulls and bounds of new data.

    `inferred` is the table of the data, with their bounds, which new fields keep with `ranges`.
    `findings` are those of the data. The version rises as far as the change from the `committed`
    contract needs. Raises `DatmoError` if the contract is none of one table, or cannot be edited.
    """
    index = _find_table(old, inferred)
    path: Path = ("schema", index, "properties")
    properties = read_document(content).data["schema"][index].get("properties", [])
    rows = {str(each["name"]): number for number, each in enumerate(properties)}
    fields = {field.name: field for field in inferred[0].fields}
    edits: list[Edit] = []
    left: list[Finding] = []
    for finding in findings:
        field, row = fields.get(finding.field), rows.get(finding.field)
        found: list[Edit] = []
        if field is not None and row is not None:
            loosened = _loosen(properties[row], field, finding.rule)
            found = [Edit((*path, row, *keys), value) for keys, value in loosened]
        elif field is not None and finding.rule == "undeclared":
            found = [
                Edit(path, field_document(field if ranges else _without_bounds(field)), is_new=True)
            ]
        # Several files may break a rule, which one edit mends.
        edits += [edit for edit in found if edit not in edits]
        if not found and finding.level == "refuse":
            left.append(finding)
    changes = [_describe(edit, properties) for edit in edits]
    if not edits:
        return Updated(content, (), tuple(left))
    new = _edit(content, edits, old.file)
    version = _raise_version(committed, read_contract(new, old.file))
    if version:
        new = _edit(content, [*edits, Edit(("version",), version)], old.file)
        changes.append(f"version is now {version}")
    return Updated(new, tuple(changes), tuple(left))


def _find_table(old: Contract, inferred: Sequence[Table]) -> int:
    """Return the index of the only table of a contract that describes data."""
    found = [index for index, table in enumerate(old.tables) if table.port == "provides"]
    is_table = len(found) == len(inferred) == 1 and bool(inferred[0].fields)
    if not is_table or not old.tables[found[0]].fields:
        raise DatmoError(
            f"'{old.file}' cannot be updated: it is not the contract of one table", "edit the file"
        )
    return found[0]


def _loosen(declared: dict[str, Any], field: Field, rule: str) -> Iterator[tuple[Path, Any]]:
    """Yield the keys of a property that a rule needs another value of, with the value."""
    values = {
        "logicalType": field.logical_type,
        "physicalType": field.physical_type,
        "required": field.is_required,
    }
    for key in _KEYS.get(rule, ()):
        if key in declared and declared[key] != values[key] and values[key] != "":
            yield (key,), values[key]
    bound = getattr(field, _BOUNDS[rule]) if rule in _BOUNDS else None
    if bound is not None and rule in declared.get("logicalTypeOptions", {}):
        yield ("logicalTypeOptions", rule), bound


def _describe(edit: Edit, properties: Sequence[dict[str, Any]]) -> str:
    """Return the change of a property in words."""
    if edit.is_new:
        return f"{edit.value['name']}: added"
    *_, key = edit.path
    name = properties[int(edit.path[3])]["name"]
    return f"{name}: {key} is now {flow_text(edit.value)}"


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
