"""Read the data that the tables of a contract are to allow."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from git_datmo.contract_checks.check_file import FileCheck, without_ports
from git_datmo.contract_checks.infer_path import infer_file
from git_datmo.contracts.check_values import choose_table
from git_datmo.contracts.contract_types import Contract, Finding, Table, Value
from git_datmo.contracts.infer_contract import infer_table, profile_tables
from git_datmo.contracts.table_readers.open_table import is_table, open_table
from git_datmo.contracts.values_outside import values_outside
from git_datmo.errors import DatmoError


@dataclass(frozen=True, slots=True)
class NewData:
    """A table of a contract, the table that its data infer with their bounds, and the findings.

    `outside` has the values that the enumeration of a field does not have; None for too many.
    """

    table: Table
    inferred: Table
    findings: tuple[Finding, ...]
    outside: dict[str, tuple[Value, ...] | None]


def read_new_data(root: Path, contract: Contract, checks: Iterable[FileCheck]) -> Iterator[NewData]:
    """Yield the data of each table of a contract whose files were checked.

    All rows are read. Raises `DatmoError` if no file has a table that is provided.
    """
    chosen: dict[int, list[FileCheck]] = {}
    for check in checks:
        table = choose_table(without_ports(contract, check.path), check.path)
        if table is not None and table.port == "provides" and table.fields:
            chosen.setdefault(contract.tables.index(table), []).append(check)
    if not chosen:
        raise DatmoError(
            f"'{contract.file}' cannot be updated: no object of it is a table of these data",
            "edit the file",
        )
    for index, found in sorted(chosen.items()):
        yield _read_table(root, contract.tables[index], found)


def _read_table(root: Path, table: Table, checks: list[FileCheck]) -> NewData:
    """Return the inferred fields of a table's files, and the rules that they break."""
    paths = [check.path for check in checks]
    is_tables = all(map(is_table, paths))
    if is_tables:
        readers = [(path, open_table(os.path.join(root, path), path)) for path in paths]
        inferred = infer_table(table.name, profile_tables(readers), ranges=True)
    else:
        # Arrays have a file for each table.
        inferred = infer_file(os.path.join(root, paths[0]), paths[0], table.name, ranges=True)
    findings = tuple(finding for check in checks for finding in check.findings)
    outside = _read_outside(root, table, inferred, findings, paths) if is_tables else {}
    return NewData(table, inferred, findings, outside)


def _read_outside(
    root: Path,
    table: Table,
    inferred: Table,
    findings: tuple[Finding, ...],
    paths: list[str],
) -> dict[str, tuple[Value, ...] | None]:
    """Return the values that broken enumerations do not have, by the names of fields."""
    broken = {(finding.field, finding.rule) for finding in findings}
    types = {field.name: field.logical_type for field in inferred.fields}
    outside = {}
    for field in table.fields:
        is_typed = (field.name, "type") not in broken
        is_broken = not is_typed or (field.name, "enum") in broken
        # Values of a classified field are not written where others read them.
        if field.enum is not None and is_broken and field.classification in ("", "public"):
            # A type that the data break becomes theirs, and values of it count, too.
            kind = field.logical_type if is_typed else types.get(field.name, "")
            readers = (open_table(os.path.join(root, path), path) for path in paths)
            outside[field.name] = values_outside(replace(field, logical_type=kind), readers)
    return outside
