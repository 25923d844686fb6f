"""Convert contracts to and from other languages: `git datmo contract convert`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from git_datmo.cli.console import Console
from git_datmo.cli.contract_show import find_named
from git_datmo.contract_checks.contract_files import find_contracts
from git_datmo.contracts.bounded_yaml import LARGEST_FILE
from git_datmo.contracts.conversions.croissant import from_croissant, to_croissant
from git_datmo.contracts.conversions.json_documents import (
    read_json,
    read_yaml_object,
    write_json,
)
from git_datmo.contracts.conversions.json_schema import from_json_schema, to_json_schema
from git_datmo.contracts.conversions.mlmodel_signature import from_mlmodel, to_mlmodel
from git_datmo.contracts.conversions.table_schema import from_table_schema, to_table_schema
from git_datmo.contracts.odcs_file import FOLDER, SUFFIX, read_contract
from git_datmo.contracts.odcs_writer import new_contract
from git_datmo.errors import DatmoError, UsageError
from git_datmo.repository.workspace import Workspace

WRITERS = {
    "croissant": to_croissant,
    "json-schema": to_json_schema,
    "mlmodel": to_mlmodel,
    "table-schema": to_table_schema,
}
READERS = {
    "croissant": from_croissant,
    "json-schema": from_json_schema,
    "mlmodel": from_mlmodel,
    "table-schema": from_table_schema,
}


def run(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Print a contract in another language, or a contract of a file in one, and return 0."""
    if bool(options.to) == bool(options.from_):
        raise UsageError("'convert' takes one of --to and --from", "see 'git datmo contract -h'")
    if options.to:
        contract = find_named(find_contracts(ws), options.names[0])
        document, lost = WRITERS[options.to](contract)
        console.print_lines(write_json(document).rstrip("\n"))
    else:
        text, lost = _read(Path(console.cwd, options.names[0]), options.from_)
        console.print_lines(text.rstrip("\n"))
    for name in lost:
        console.warn(f"not converted: {name}")
    return 0


def _read(path: Path, language: str) -> tuple[str, tuple[str, ...]]:
    """Return the text of a contract made of a file, and what is lost."""
    if not os.path.isfile(path):
        raise DatmoError(f"there is no file '{path.name}'", "name a file to convert")
    with open(path, "rb") as stream:
        content = stream.read(LARGEST_FILE + 1)
    name = path.name.partition(".")[0]
    parse = read_yaml_object if language == "mlmodel" else read_json
    contract, lost = READERS[language](parse(content, path.name), name)
    text = new_contract(contract)
    # A stranger's values have any type. Reading the result refuses those that no contract has.
    read_contract(text.encode(), f"{FOLDER}/{name}{SUFFIX}")
    return text, lost
