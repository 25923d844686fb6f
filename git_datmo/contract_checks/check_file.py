"""Check one file or folder against a contract, by its format."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from git_datmo.contract_checks.infer_path import matching_files
from git_datmo.contract_checks.model_ports import MODEL_PORTS, check_model
from git_datmo.contracts.check_arrays import check_arrays
from git_datmo.contracts.check_files import check_files
from git_datmo.contracts.check_values import check_table, choose_table, is_named_for
from git_datmo.contracts.contract_types import Contract, Finding, Table, Verdict, verdict_of
from git_datmo.contracts.model_signatures import is_model
from git_datmo.contracts.sampled_fields import SampledFields
from git_datmo.contracts.shared_rows import find_shared_rows
from git_datmo.contracts.table_readers.array_files import ARRAY_SUFFIXES, read_arrays
from git_datmo.contracts.table_readers.open_table import is_table, open_table, suffix_of
from git_datmo.contracts.table_readers.table_batches import UnreadableTable
from git_datmo.sizes import show_count


@dataclass(frozen=True, slots=True)
class FileCheck:
    """Findings of a file or folder, and the number of its rows; 0 if it is no table.

    `scope` names the compared parts where no values were compared: contracts, or the ports of a
    model.
    """

    contract: Contract
    path: str
    findings: tuple[Finding, ...]
    rows: int = 0
    scope: str = ""

    @property
    def verdict(self) -> Verdict:
        """Return the verdict of all findings."""
        return verdict_of(self.findings)


def check_file(
    root: Path,
    contract: Contract,
    path: str,
    folder: str,
    samples: dict[str, SampledFields] | None = None,
) -> FileCheck:
    """Check the file or folder at `path` below `root`.

    Files for long lists of keys go to `folder`. Values of tables are added to the samples of the
    tables, by name. A file that cannot be read is a finding that
    refuses. Raises `DatmoError` if a library is missing.
    """
    full = os.path.join(root, path)
    if is_model(full):
        findings, scope = check_model(contract, full, path)
        return FileCheck(contract, path, findings, scope=scope)
    own = without_ports(contract, path)
    table = choose_table(own, path)
    if table is None:
        message = f"no object of the contract is named for '{path}'"
        if contract.tables and not own.tables:
            ports = " and ".join(dict.fromkeys(table.port for table in contract.tables))
            message = f"the contract states only {ports} of a model, and nothing of this file"
        return FileCheck(contract, path, (_unchecked(contract, "", "table", message),))
    try:
        sample = None
        if samples is not None:
            sample = samples.setdefault(table.name, SampledFields(table))
        return _check_data(root, contract, table, path, folder, sample)
    except UnreadableTable as error:
        finding = Finding("refuse", "readable", contract.id, table.name, "", error.what, (), 1)
        return FileCheck(contract, path, (finding,))


def without_ports(contract: Contract, path: str) -> Contract:
    """Return a contract without the ports of a model, which describe no data file.

    An object that is required describes the file at `path` only if that can be data: a contract
    with an input or output is that of a model, and arrays may be the weights of one.
    """
    tables = tuple(table for table in contract.tables if table.port not in MODEL_PORTS)
    of_model = len(tables) < len(contract.tables)
    if of_model or suffix_of(path) in ARRAY_SUFFIXES:
        tables = tuple(
            table
            for table in tables
            if table.port == "provides" or (not of_model and is_named_for(table, path))
        )
    return replace(contract, tables=tables)


def _check_data(
    root: Path,
    contract: Contract,
    table: Table,
    path: str,
    folder: str,
    sample: SampledFields | None,
) -> FileCheck:
    """Check data by their format."""
    full = os.path.join(root, path)
    if os.path.isdir(full):
        if table.files is None:
            message = f"'{path}' is a folder, and the object has no 'datmo.files'"
            return FileCheck(contract, path, (_unchecked(contract, table.name, "files", message),))
        return FileCheck(contract, path, tuple(check_files(contract, table, full, path)))
    if suffix_of(path) in ARRAY_SUFFIXES:
        found = check_arrays(contract, table, read_arrays(full, path), sample)
        return FileCheck(contract, path, tuple(found))
    if not is_table(path):
        message = f"the format of '{path}' is unknown"
        return FileCheck(contract, path, (_unchecked(contract, table.name, "format", message),))
    result = check_table(contract, table, open_table(full, path), folder, sample)
    shared = tuple(_check_disjoint(root, contract, table, path, folder))
    return FileCheck(contract, path, (*result.findings, *shared), result.rows)


def _check_disjoint(
    root: Path, contract: Contract, table: Table, path: str, folder: str
) -> Iterator[Finding]:
    """Yield a finding for each other table that shares rows with the one at `path`."""
    keys = tuple(field.name for field in table.fields if field.is_key)
    # Without a key, only the whole row tells rows apart.
    columns = keys or tuple(field.name for field in table.fields)
    for other in _find_others(root, contract, table, path):
        one = open_table(os.path.join(root, path), path)
        reader = open_table(os.path.join(root, other), other)
        count, samples = find_shared_rows(one, reader, columns, folder)
        if count:
            verb = "is" if count == 1 else "are"
            message = f"{show_count(count, 'row')} {verb} in '{other}', too"
            rows = tuple((row, "") for row in samples)
            yield Finding("refuse", "disjoint", contract.id, table.name, "", message, rows, count)


def _find_others(root: Path, contract: Contract, table: Table, path: str) -> list[str]:
    """Return the paths of the tables that share no row with a table."""
    bound = [found for pattern in contract.paths for found in matching_files(root, pattern)]
    others: dict[str, None] = {}
    for name in table.disjoint:
        for found in bound:
            chosen = choose_table(contract, found)
            if chosen is not None and chosen.name == name:
                others[found] = None
        # A name may also be a path, or a pattern of paths.
        others.update(dict.fromkeys(matching_files(root, name)))
    return [other for other in others if other != path and is_table(other)]


def _unchecked(contract: Contract, table: str, rule: str, message: str) -> Finding:
    """Return a finding about a rule that nothing could check."""
    return Finding("unchecked", rule, contract.id, table, "", message)
