"""Read and write JSON and YAML of other programs, and collect the parts that a conversion loses."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from git_datmo.contracts.bounded_yaml import DEEPEST, LARGEST_FILE, BadYaml, read_document
from git_datmo.contracts.contract_types import Contract, Field, Table
from git_datmo.contracts.odcs_writer import block_lines
from git_datmo.errors import DatmoError
from git_datmo.sizes import show_count


def read_json(content: bytes, file: str) -> dict[str, Any]:
    """Return a JSON object; raise `DatmoError` if it is none, too large or too deep."""
    problem = "it is not a JSON object"
    if len(content) > LARGEST_FILE:
        problem = f"it is larger than {LARGEST_FILE >> 20} MiB"
    else:
        try:
            # Python reads `NaN` and `Infinity`, which JSON does not have.
            document = json.loads(content, parse_float=_decimal, parse_constant=_refuse)
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, dict):
            if _depth_is_allowed(document):
                return document
            problem = f"it is nested deeper than {DEEPEST} levels"
    raise DatmoError(f"cannot convert '{file}': {problem}", "mend the file")


def read_yaml_object(content: bytes, file: str) -> dict[str, Any]:
    """Return a YAML mapping; raise `DatmoError` if it is none, too large, deep or ambiguous."""
    try:
        document = read_document(content).data
        problem = "it is not a YAML mapping"
    except BadYaml as error:
        document, problem = None, str(error)
    if isinstance(document, dict):
        return document
    raise DatmoError(f"cannot convert '{file}': {problem}", "mend the file")


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    # A float64 ends at 308 digits, and `int` of a huge exponent would fill the memory.
    if abs(number.adjusted()) > 400:
        raise ValueError("a number is out of range")
    return number


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _depth_is_allowed(document: Any) -> bool:
    # Level by level: a recursion would itself fail on deep values.
    level = [document]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
        if not below:
            return True
        level = below
    return False


def write_json(document: dict[str, Any]) -> str:
    """Return a JSON object as indented text. Decimals become numbers."""
    return json.dumps(document, indent=2, ensure_ascii=False, default=_plain) + "\n"


def write_yaml(document: dict[str, Any]) -> str:
    """Return a mapping as YAML in block style."""
    return "".join(f"{line}\n" for line in block_lines(document, 0))


def _plain(value: object) -> int | float:
    assert isinstance(value, Decimal)
    return int(value) if value == value.to_integral() else float(value)


def one_table(contract: Contract, language: str) -> Table:
    """Return the only table of a contract for a language of one table, such as "a Table Schema".

    Raises `DatmoError` for a contract of several tables.
    """
    if len(contract.tables) != 1:
        raise DatmoError(
            f"'{contract.name}' has {show_count(len(contract.tables), 'object')}, and {language} "
            "has one",
            "convert it to json-schema, or divide the contract",
        )
    return contract.tables[0]


def lost_of_contract(contract: Contract) -> list[str]:
    """Return the parts of a contract that languages of tables alone do not have."""
    values = {"version": contract.version, "servers": contract.paths, "datmo.entry": contract.entry}
    lost = [name for name, value in values.items() if value]
    return [*lost, *(["datmo.gates"] if contract.gates else [])]


def lost_of_table(table: Table) -> list[str]:
    """Return the parts of a table that languages of fields alone do not have."""
    values = {
        "datmo.port": table.port != "provides",
        "quality": table.quality,
        "datmo.files": table.files,
        "datmo.disjoint": table.disjoint,
        "physicalName": table.physical_name,
        "constraints that are not interpreted": table.unchecked,
    }
    return [f"{table.name}: {name}" for name, value in values.items() if value]


def lost_of_field(field: Field, path: str, **more: object) -> list[str]:
    """Return the parts of a field that neither JSON Schema nor Table Schema has.

    `more` are parts that one of them does not have.
    """
    values = {
        "physicalType": field.physical_type,
        "id": field.id,
        "datmo.unit": field.unit,
        "datmo.tensor": field.tensor,
        "classification": field.classification,
        "quality": field.quality,
        "constraints that are not interpreted": field.unchecked,
        **more,
    }
    return [f"{path}: {name}" for name, value in values.items() if value]


def rules_of_field(field: Field) -> dict[str, object]:
    """Return the rules of values that a format without rules loses; a false value is no rule."""
    return {
        "enum": field.enum is not None,
        "range": field.minimum is not None or field.maximum is not None,
        "multipleOf": field.multiple_of is not None,
        "length": field.min_length is not None or field.max_length is not None,
        "number of items": field.min_items is not None or field.max_items is not None,
        "pattern": field.pattern,
        "format": field.format,
    }
