"""Convert contracts to and from JSON Schema (draft 2020-12). A row is an object."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from git_datmo.contracts.contract_types import Contract, Field, LogicalType, Table
from git_datmo.contracts.conversions.json_documents import (
    lost_of_contract,
    lost_of_field,
    lost_of_table,
)
from git_datmo.contracts.odcs_writer import given_values

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_FORMATS: dict[LogicalType, str] = {"date": "date", "timestamp": "date-time", "time": "time"}
_TYPES: dict[str, LogicalType] = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "object": "object",
    "array": "array",
}
_READ = frozenset(
    {
        *("type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
        *("multipleOf", "minLength", "maxLength", "minItems", "maxItems", "pattern", "format"),
        *("items", "properties", "required", "default", "description", "examples", "deprecated"),
        *("$schema", "$id", "title", "$comment", "$defs"),
    }
)


def to_json_schema(contract: Contract) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the schema of a row, and the names of what is lost.

    A contract of several tables has each of them in `$defs`.
    """
    lost = lost_of_contract(contract)
    schemas = {}
    for table in contract.tables:
        lost.extend(lost_of_table(table))
        schemas[table.name] = _table_schema(table, lost)
    head: dict[str, Any] = {"$schema": DRAFT, "title": contract.name}
    if len(schemas) == 1:
        return {**head, **next(iter(schemas.values()))}, tuple(lost)
    return {**head, "$defs": schemas}, tuple(lost)


def _table_schema(table: Table, lost: list[str]) -> dict[str, Any]:
    schema = _object_schema(table.fields, f"{table.name}.", lost)
    return {**given_values({"description": table.description}), "type": "object", **schema}


def _object_schema(fields: tuple[Field, ...], prefix: str, lost: list[str]) -> dict[str, Any]:
    properties = {
        field.name: _field_schema(field, f"{prefix}{field.name}", lost) for field in fields
    }
    required = [field.name for field in fields if not field.is_optional]
    return {"properties": properties, **given_values({"required": required})}


def _field_schema(field: Field, path: str, lost: list[str]) -> dict[str, Any]:
    kind = field.logical_type
    has_bounds = field.minimum is not None or field.maximum is not None
    lost.extend(
        lost_of_field(
            field,
            path,
            unique=field.is_unique,
            primaryKey=field.is_key,
            # JSON Schema bounds numbers alone, neither dates nor times.
            range=has_bounds and kind in _FORMATS,
        )
    )
    name = "string" if kind in _FORMATS else kind
    values: dict[str, Any] = {
        "description": field.description,
        "format": _FORMATS.get(kind, field.format if kind == "string" else ""),
        "multipleOf": field.multiple_of,
        "minLength": field.min_length,
        "maxLength": field.max_length,
        "minItems": field.min_items,
        "maxItems": field.max_items,
        "pattern": field.pattern,
        "deprecated": field.is_deprecated,
        "examples": list(field.examples),
    }
    if kind not in _FORMATS:
        values["exclusiveMinimum" if field.is_minimum_exclusive else "minimum"] = field.minimum
        values["exclusiveMaximum" if field.is_maximum_exclusive else "maximum"] = field.maximum
    schema = {**_type_schema(field, name), **given_values(values)}
    if field.enum is not None:
        # In JSON Schema an enumeration has null as well, if null is allowed.
        nulls = [] if field.is_required or None in field.enum else [None]
        schema["enum"] = [*field.enum, *nulls]
    if field.has_default:
        schema["default"] = field.default
    if field.items is not None:
        schema["items"] = _field_schema(field.items, f"{path}[]", lost)
    if field.fields:
        schema.update(_object_schema(field.fields, f"{path}.", lost))
    return schema


def _type_schema(field: Field, name: str) -> dict[str, Any]:
    if not name:
        # Without a type, a schema can still exclude null.
        return {"not": {"type": "null"}} if field.is_required else {}
    return {"type": name if field.is_required else [name, "null"]}


def from_json_schema(document: dict[str, Any], name: str) -> tuple[Contract, tuple[str, ...]]:
    """Return a contract with a table for the schema, or for each of its `$defs`.

    Also return the keywords that are not read.
    """
    lost: list[str] = []
    schemas: dict[str, Any]
    if "properties" in document:
        schemas = {str(document.get("title") or name): document}
    else:
        definitions = document.get("$defs")
        schemas = definitions if isinstance(definitions, dict) else {}
    tables = tuple(
        Table(table, fields=_read_fields(schema, f"{table}.", lost))
        for table, schema in schemas.items()
        if isinstance(schema, dict)
    )
    return Contract(id=name, name=name, tables=tables), tuple(lost)


def _read_fields(schema: dict[str, Any], prefix: str, lost: list[str]) -> tuple[Field, ...]:
    lost.extend(f"{prefix.rstrip('.')}: {key}" for key in schema if key not in _READ)
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return ()
    required = schema.get("required") if isinstance(schema.get("required"), list) else []
    return tuple(
        _read_field(name, value, f"{prefix}{name}", lost, is_optional=name not in (required or []))
        for name, value in properties.items()
        if isinstance(value, dict)
    )


def _read_field(
    name: str, schema: dict[str, Any], path: str, lost: list[str], *, is_optional: bool
) -> Field:
    kind, is_required = _read_type(schema, path, lost)
    enum = [schema["const"]] if "const" in schema else schema.get("enum")
    values = enum if isinstance(enum, list) else None
    # Of two bounds on a side the exclusive one is taken; the tighter is not sought.
    low, high = _number(schema, "exclusiveMinimum"), _number(schema, "exclusiveMaximum")
    items = schema.get("items")
    children = _read_fields(schema, f"{path}.", lost)
    return Field(
        name,
        logical_type=kind,
        # An enumeration without null excludes null, whatever the type says.
        is_required=is_required if values is None else is_required or None not in values,
        is_optional=is_optional,
        enum=None if values is None else tuple(v for v in values if v is not None),
        minimum=low if low is not None else _number(schema, "minimum"),
        maximum=high if high is not None else _number(schema, "maximum"),
        is_minimum_exclusive=low is not None,
        is_maximum_exclusive=high is not None,
        multiple_of=None if (unit := _number(schema, "multipleOf")) is None else Decimal(unit),
        min_length=_count(schema, "minLength"),
        max_length=_count(schema, "maxLength"),
        min_items=_count(schema, "minItems"),
        max_items=_count(schema, "maxItems"),
        pattern=_text(schema, "pattern"),
        format=_text(schema, "format") if kind == "string" else "",
        items=_read_field("", items, f"{path}[]", lost, is_optional=False)
        if isinstance(items, dict)
        else None,
        fields=children,
        default=schema.get("default"),
        has_default="default" in schema,
        description=_text(schema, "description"),
        is_deprecated=schema.get("deprecated") is True,
    )


def _read_type(schema: dict[str, Any], path: str, lost: list[str]) -> tuple[LogicalType, bool]:
    """Return the logical type, and whether null is not allowed."""
    declared = schema.get("type")
    names = [declared] if isinstance(declared, str) else declared
    if not isinstance(names, list):
        return "", schema.get("not") == {"type": "null"}
    kinds = [name for name in names if name != "null"]
    if len(kinds) != 1 or kinds[0] not in _TYPES:
        lost.append(f"{path}: type {', '.join(map(str, names))}")
        return "", "null" not in names
    kind = _TYPES[kinds[0]]
    if kind == "string":
        formats = {text: logical for logical, text in _FORMATS.items()}
        kind = formats.get(_text(schema, "format"), kind)
    return kind, "null" not in names


def _number(schema: dict[str, Any], key: str) -> int | Decimal | None:
    value = schema.get(key)
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return value if is_number else None


def _count(schema: dict[str, Any], key: str) -> int | None:
    value = schema.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(schema: dict[str, Any], key: str) -> str:
    value = schema.get(key)
    return value if isinstance(value, str) else ""
