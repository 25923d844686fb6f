"""Print the contracts of the working tree: `git datmo contract show`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

from git_datmo.cli.console import Console
from git_datmo.contract_checks.contract_files import find_contracts
from git_datmo.contracts.contract_types import Contract, Field, Table
from git_datmo.contracts.field_words import describe_field
from git_datmo.contracts.odcs_file import FOLDER, SUFFIX, contract_name
from git_datmo.contracts.odcs_writer import contract_document
from git_datmo.contracts.rule_gaps import threshold_text
from git_datmo.errors import DatmoError
from git_datmo.repository.workspace import Workspace
from git_datmo.terminal_text import make_printable


def run(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Print all contracts, or the one that is named, and return 0."""
    console.use_colours()
    contracts = find_contracts(ws)
    if options.names:
        contracts = (find_named(contracts, options.names[0]),)
    if options.json:
        for contract in contracts:
            console.print_json(_document(contract))
    elif not contracts:
        console.tell(f"no contracts: a contract is a file {FOLDER}/NAME{SUFFIX}")
    elif options.names:
        with console.paged():
            for line in _lines(contracts[0]):
                console.print(make_printable(line))
    else:
        for contract in contracts:
            console.print(make_printable(_summary(contract)))
    return 0


def find_named(contracts: tuple[Contract, ...], name: str) -> Contract:
    """Return the contract of a name, id or path; raise `DatmoError` for none."""
    for contract in contracts:
        if name in (contract.name, contract_name(contract.file), contract.id, contract.file):
            return contract
    raise DatmoError(f"no contract '{name}'", "'git datmo contract show' lists the contracts")


def _document(contract: Contract) -> dict[str, Any]:
    # JSON has no decimal numbers.
    document = json.loads(json.dumps(contract_document(contract), default=float))
    return {"file": contract.file, "contract": document}


def _summary(contract: Contract) -> str:
    tables = ", ".join(f"{table.port} {table.name}" for table in contract.tables)
    bound = f" of {', '.join(contract.paths)}" if contract.paths else ""
    return f"{contract.name} {contract.version}{bound}: {tables or 'no tables'}"


def _lines(contract: Contract) -> Iterator[str]:
    yield f"{contract.name} {contract.version} ({contract.status}), {contract.file}"
    if contract.paths:
        yield f"  bound to {', '.join(contract.paths)}"
    if contract.entry:
        yield f"  entry {contract.entry}"
    for gate in contract.gates:
        yield f"  gate {gate}"
    for table in contract.tables:
        yield ""
        yield f"{table.port} {table.name}:"
        yield from _table_lines(table)


def _table_lines(table: Table) -> Iterator[str]:
    for field in table.fields:
        yield from _field_lines(field, "  ")
    for rule in table.quality:
        yield f"  {rule.metric} {threshold_text(rule)}"
    if table.files is not None:
        yield f"  files {', '.join(table.files.media_types) or 'of any type'}"
    for other in table.disjoint:
        yield f"  shares no row with {other}"
    for name in table.unchecked:
        yield f"  not interpreted: {name}"


def _field_lines(field: Field, indent: str) -> Iterator[str]:
    yield f"{indent}{field.name or 'items'}: {', '.join(describe_field(field))}"
    if field.items is not None:
        yield from _field_lines(field.items, f"{indent}  ")
    for child in field.fields:
        yield from _field_lines(child, f"{indent}  ")
