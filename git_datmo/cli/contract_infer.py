"""Write the contract that data infer: `git datmo contract infer`."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace

from git_datmo.cli.console import Console
from git_datmo.contracts.contract_types import Contract
from git_datmo.errors import DatmoError
from git_datmo.fsio import write_file
from git_datmo.repository.workspace import Workspace
from git_datmo.sizes import show_count


def run(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Write a new contract, or update one, and return 0.

    Without --update, a file that exists is not overwritten.
    """
    if options.update:
        return _update(options, console, ws)
    from git_datmo.contract_checks.infer_path import infer_path
    from git_datmo.contracts.odcs_writer import new_contract

    path = ws.relative(options.names[0])
    contract = infer_path(ws.root, path, ranges=options.ranges)
    if options.output:
        contract = replace(contract, file=ws.relative(options.output))
    target = os.path.join(ws.root, contract.file)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    try:
        # Mode `x` tests and creates in one step, so no file that appears meanwhile is lost.
        with open(target, "x", encoding="utf-8") as file:
            file.write(new_contract(contract))
    except FileExistsError as error:
        raise DatmoError(
            f"'{contract.file}' exists already",
            "edit it with --update, or write another file with -o",
        ) from error
    console.print(f"{contract.file}: {describe(contract)}")
    console.tell(f"commit it: git add {contract.file}")
    return 0


def _update(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Edit the contract that is bound to data, so that they pass it."""
    from git_datmo.contract_checks.check_paths import bound_paths, check_paths
    from git_datmo.contract_checks.contract_files import CommittedContracts
    from git_datmo.contract_checks.new_data import read_new_data
    from git_datmo.contract_checks.update_contract import update_contract

    path = ws.relative(options.names[0])
    contract = _find_bound(options, ws, path)
    bound = bound_paths(ws.root, [contract], path)
    checks = check_paths(ws.root, bound, ws.state, progress=console.progress())
    data = tuple(read_new_data(ws.root, contract, checks))
    head = ws.head()
    committed = (
        {file.file: file.contract for file in CommittedContracts(ws.odb).of(head)} if head else {}
    )
    target = ws.root / contract.file
    done = update_contract(
        target.read_bytes(),
        contract,
        data,
        committed.get(contract.file),
        ranges=options.ranges,
    )
    if done.changes:
        write_file(target, done.content, mode=target.stat().st_mode & 0o777)
    for line in done.changes or ("nothing to change",):
        console.print(f"{contract.file}: {line}")
    for finding in done.left:
        name = f"{finding.field}: " if finding.field else ""
        console.tell(f"warning: not mended: {name}{finding.message}")
    return 0


def _find_bound(options: argparse.Namespace, ws: Workspace, path: str) -> Contract:
    """Return the only contract that is bound to data at a path, or the one that -o names."""
    from git_datmo.contract_checks.check_paths import bound_paths
    from git_datmo.contract_checks.contract_files import find_contracts

    found = {one.file: one for one, _ in bound_paths(ws.root, find_contracts(ws), path)}
    if options.output:
        file = ws.relative(options.output)
        found = {name: one for name, one in found.items() if name == file}
    if not found:
        raise DatmoError(
            f"no contract is bound to '{path}'",
            "write one for the data at PATH with 'git datmo contract infer PATH'",
        )
    if len(found) > 1:
        raise DatmoError(
            f"{show_count(len(found), 'contract')} are bound to '{path}': {', '.join(found)}",
            "name the file of one with -o",
        )
    return next(iter(found.values()))


def describe(contract: Contract) -> str:
    """Return a summary of the tables of a contract."""
    parts = []
    for table in contract.tables:
        if table.files is not None:
            parts.append(f"files of {' or '.join(table.files.media_types)}")
        else:
            name = "" if table.port == "provides" else f"{table.port}: "
            parts.append(f"{name}{show_count(len(table.fields), 'field')}")
    return ", ".join(parts)
