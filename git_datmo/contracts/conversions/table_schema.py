"""Convert contracts to and from Table Schema, the language of Frictionless.

https://specs.frictionlessdata.io/table-schema/ has the specification.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from git_datmo.contracts.contract_types import Contract, Field, LogicalType, Table
from git_datmo.contracts.conversions.json_documents import (
    lost_of_contract,
    lost_of_field,
    lost_of_table,
    one_table,
)
from git_datmo.contracts.odcs_writer import given_values
from git_datmo.contracts.table_readers.csv_table import NULLS
from git_datmo.errors import DatmoError

_TYPES: dict[LogicalType, str] = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "datetime",
    "time": "time",
    "object": "object",
    "array": "array",
    "": "any",
}
# Types with bounds, and formats of text. Programs refuse a schema with others.
_BOUNDED = ("integer", "number", "date", "timestamp", "time")
_FORMATS = ("email", "uri", "binary", "uuid")
_CONSTRAINTS = frozenset(
    {
        *("required", "unique", "minimum", "maximum", "minLength", "maxLength", "pattern"),
        "enum",
    }
)
_READ = frozenset({"name", "type", "format", "title", "description", "constraints", "example"})


def to_table_schema(contract: Contract) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the schema of a contract's only table, and the names of what is lost.

    Raises `DatmoError` for a contract of several tables.
    """
    table = one_table(contract, "a Table Schema")
    lost = [*lost_of_contract(contract), *lost_of_table(table)]
    fields = [_write_field(field, f"{table.name}.{field.name}", lost) for field in table.fields]
    key = [field.name for field in table.fields if field.is_key]
    # Other programs take an empty cell alone for null.
    is_csv = any(path.lower().endswith((".csv", ".tsv")) for path in contract.paths)
    more = {"primaryKey": key, "missingValues": list(NULLS) if is_csv else []}
    return {"fields": fields, **given_values(more)}, tuple(lost)


def _write_field(field: Field, path: str, lost: list[str]) -> dict[str, Any]:
    is_text = field.logical_type == "string"
    has_bounds = field.minimum is not None or field.maximum is not None
    has_range = field.logical_type in _BOUNDED
    has_length = field.min_length is not None or field.max_length is not None
    lost.extend(
        lost_of_field(
            field,
            path,
            **{
                "datmo.optional": field.is_optional,
                "datmo.default": field.has_default,
                "exclusive bound": field.is_minimum_exclusive or field.is_maximum_exclusive,
                "range": has_bounds and not has_range,
                "length": has_length and not is_text,
                "pattern": field.pattern and not is_text,
                "format": field.format and not (is_text and field.format in _FORMATS),
                "multipleOf": field.multiple_of,
                "items": field.items,
                "properties": field.fields,
                "minItems": field.min_items,
                "maxItems": field.max_items,
                "deprecated": field.is_deprecated,
            },
        )
    )
    constraints = {
        "required": field.is_required,
        "unique": field.is_unique,
        # Bounds of Table Schema are inclusive; exclusive ones are among the losses above.
        "minimum": field.minimum if has_range and not field.is_minimum_exclusive else None,
        "maximum": field.maximum if has_range and not field.is_maximum_exclusive else None,
        "minLength": field.min_length if is_text else None,
        "maxLength": field.max_length if is_text else None,
        "pattern": _whole_pattern(field.pattern) if is_text else "",
        "enum": None if field.enum is None else [v for v in field.enum if v is not None],
    }
    return {
        "name": field.name,
        "type": _TYPES[field.logical_type],
        **given_values(
            {
                "format": field.format if is_text and field.format in _FORMATS else "",
                "description": field.description,
                "constraints": given_values(constraints),
            }
        ),
    }


def _whole_pattern(pattern: str) -> str:
    """Return a pattern of the whole text, as XML Schema has it, for one that is searched."""
    if not pattern:
        return ""
    # In `^a|b$` each anchor belongs to one alternative, so neither can be removed.
    if pattern.startswith("^") and pattern.endswith("$") and "|" not in pattern:
        return pattern[1:-1]
    return f".*({pattern}).*"


def from_table_schema(document: dict[str, Any], name: str) -> tuple[Contract, tuple[str, ...]]:
    """Return a contract with one table, and the keys that are not read."""
    lost = list(_lost_of_schema(document))
    key = document.get("primaryKey", [])
    names = key if isinstance(key, list) else [key]
    listed = document.get("fields")
    if not isinstance(listed, list):
        raise DatmoError(f"'{name}' is no Table Schema: it has no list 'fields'", "mend the file")
    fields = tuple(
        _read_field(found, lost, is_key=found.get("name") in names)
        for found in listed
        if isinstance(found, dict)
    )
    return Contract(id=name, name=name, tables=(Table(name, fields=fields),)), tuple(lost)


def _lost_of_schema(document: dict[str, Any]) -> Iterator[str]:
    """Yield the keys of a schema that are not read."""
    for key, value in document.items():
        if key == "missingValues" and isinstance(value, list):
            # A contract's CSV has these nulls without saying so.
            is_read = all(each in NULLS for each in value)
        else:
            is_read = key in ("fields", "primaryKey", "$schema")
        if not is_read:
            yield key


def _read_field(found: dict[str, Any], lost: list[str], *, is_key: bool) -> Field:
    name = str(found.get("name", ""))
    rules = found.get("constraints")
    rules = rules if isinstance(rules, dict) else {}
    lost.extend(f"{name}: {key}" for key in found if key not in _READ)
    lost.extend(f"{name}: {key}" for key in rules if key not in _CONSTRAINTS)
    kinds = {text: logical for logical, text in _TYPES.items()}
    declared = str(found.get("type", "string"))
    if declared not in kinds:
        lost.append(f"{name}: type {declared}")
    kind = kinds.get(declared, "")
    pattern, enum = rules.get("pattern"), rules.get("enum")
    text = found.get("format") if kind == "string" else ""
    return Field(
        name,
        logical_type=kind,
        is_key=is_key,
        # A primary key has no nulls.
        is_required=is_key or rules.get("required") is True,
        is_unique=rules.get("unique") is True,
        minimum=rules.get("minimum"),
        maximum=rules.get("maximum"),
        min_length=rules.get("minLength"),
        max_length=rules.get("maxLength"),
        # Table Schema matches the whole text, a contract searches in it.
        pattern=f"^(?:{pattern})$" if pattern else "",
        enum=tuple(enum) if isinstance(enum, list) else None,
        format=text if isinstance(text, str) and text != "default" else "",
        description=str(found.get("description") or ""),
    )
