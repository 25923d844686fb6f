"""Convert contracts to and from other languages: `git datmo contract convert`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from git_datmo.cli.console import Console
from git_datmo.cli.contract_show import find_named
from git_datmo.contract_checks.contract_files import find_contracts
from git_datmo.contracts.bounded_yaml import LARGEST_FILE
from git_datmo.contracts.contract_types import Contract
from git_datmo.contracts.conversions.croissant import from_croissant, to_croissant
from git_datmo.contracts.conversions.json_documents import (
    read_json,
    read_yaml_object,
    write_json,
    write_yaml,
)
from git_datmo.contracts.conversions.json_schema import from_json_schema, to_json_schema
from git_datmo.contracts.conversions.mlmodel_signature import from_mlmodel, to_mlmodel
from git_datmo.contracts.conversions.pandera_schema import from_pandera, to_pandera
from git_datmo.contracts.conversions.parquet_schema import from_parquet, to_parquet
from git_datmo.contracts.conversions.table_schema import from_table_schema, to_table_schema
from git_datmo.contracts.odcs_file import FOLDER, SUFFIX, read_contract
from git_datmo.contracts.odcs_writer import new_contract
from git_datmo.errors import DatmoError, UsageError
from git_datmo.repository.workspace import Workspace

Lost = tuple[str, ...]
Writer = Callable[[Contract], tuple[dict[str, Any], Lost]]
Reader = Callable[[dict[str, Any], str], tuple[Contract, Lost]]

# Of each language that is text: how documents become contracts, and contracts documents.
_TEXT_LANGUAGES: dict[str, tuple[Reader, Writer]] = {
    "croissant": (from_croissant, to_croissant),
    "json-schema": (from_json_schema, to_json_schema),
    "mlmodel": (from_mlmodel, to_mlmodel),
    "pandera": (from_pandera, to_pandera),
    "table-schema": (from_table_schema, to_table_schema),
}
_READ_AS_YAML = ("mlmodel", "pandera")
_WRITTEN_AS_YAML = ("pandera",)


def run(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Print or write a contract in another language, or a contract of a file, and return 0."""
    if bool(options.to) == bool(options.from_):
        raise UsageError("'convert' takes one of --to and --from", "see 'git datmo contract -h'")
    if options.to == "parquet" and not options.output:
        raise UsageError(
            "'--to parquet' makes a file, which cannot be printed", "name the file with -o FILE"
        )
    if options.to:
        content, lost = _write(find_named(find_contracts(ws), options.names[0]), options.to)
    else:
        content, lost = _read(Path(console.cwd, options.names[0]), options.from_)
    if options.output:
        _write_new(Path(console.cwd, options.output), content)
    else:
        console.print_lines(content.decode().rstrip("\n"))
    for name in lost:
        console.warn(f"not converted: {name}")
    return 0


def _write(contract: Contract, language: str) -> tuple[bytes, Lost]:
    """Return a file with a contract in another language, and the parts that are lost."""
    if language == "parquet":
        return to_parquet(contract)
    _, write = _TEXT_LANGUAGES[language]
    document, lost = write(contract)
    text = write_yaml(document) if language in _WRITTEN_AS_YAML else write_json(document)
    return text.encode(), lost


def _read(path: Path, language: str) -> tuple[bytes, Lost]:
    """Return the content of a contract's file made of another file, and the parts that are lost."""
    if not os.path.isfile(path):
        raise DatmoError(f"there is no file '{path.name}'", "name a file to convert")
    name = path.name.partition(".")[0]
    if language == "parquet":
        contract, lost = from_parquet(str(path), path.name, name)
    else:
        with open(path, "rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
        parse = read_yaml_object if language in _READ_AS_YAML else read_json
        read, _ = _TEXT_LANGUAGES[language]
        contract, lost = read(parse(content, path.name), name)
    text = new_contract(contract).encode()
    # A stranger's values have any type. Reading the result refuses those that no contract has.
    read_contract(text, f"{FOLDER}/{name}{SUFFIX}")
    return text, lost


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that does not exist yet, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Mode `x` tests and creates in one step, so no file that appears meanwhile is lost.
        with open(path, "xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise DatmoError(
            f"'{path.name}' exists already", "remove it, or write another file with -o"
        ) from error
