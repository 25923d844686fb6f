"""Write the contract that data infer: `git datmo contract infer`."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace

from git_datmo.cli.console import Console
from git_datmo.contracts.contract_types import Contract
from git_datmo.errors import DatmoError
from git_datmo.repository.workspace import Workspace
from git_datmo.sizes import show_count


def run(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Write a new contract, and return 0. A file that exists is not overwritten."""
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
            f"'{contract.file}' exists already", "edit it, or write another file with -o"
        ) from error
    console.print(f"{contract.file}: {describe(contract)}")
    console.tell(f"commit it: git add {contract.file}")
    return 0


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
