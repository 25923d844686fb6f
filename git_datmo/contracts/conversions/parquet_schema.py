"""Convert contracts to and from the schema of a Parquet file.

A contract becomes a Parquet file without rows, which every reader of Parquet takes. No row of a
file is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from git_datmo.contracts.column_types import find_logical, name_physical
from git_datmo.contracts.contract_types import Contract, Field, Table
from git_datmo.contracts.conversions.arrow_types import find_arrow_type
from git_datmo.contracts.conversions.json_documents import (
    lost_of_contract,
    lost_of_field,
    lost_of_table,
    one_table,
    rules_of_field,
)
from git_datmo.contracts.table_readers.parquet_table import ParquetTable, plain_type
from git_datmo.contracts.table_readers.table_batches import UnreadableTable, load_library

# Arrow's key of a description in the metadata of a field and of a schema.
_DESCRIPTION = b"description"
# Keys that libraries write for themselves; they say nothing of the values.
_OF_LIBRARIES = (b"pandas", b"ARROW:schema", b"PARQUET:field_id", b"org.apache.spark.version")
_DEEPEST = 60


def to_parquet(contract: Contract) -> tuple[bytes, tuple[str, ...]]:
    """Return a Parquet file without rows for a contract's only table, and the lost rules.

    Raises `DatmoError` for a contract of several tables, and without pyarrow.
    """
    table = one_table(contract, "a Parquet file")
    parquet = load_library("pyarrow.parquet", "a Parquet schema")
    import pyarrow as pa

    lost = [*lost_of_contract(contract), *lost_of_table(table)]
    fields = [_write_field(field, f"{table.name}.{field.name}", lost) for field in table.fields]
    schema = pa.schema(fields, metadata=_describe(table.description))
    sink = pa.BufferOutputStream()
    parquet.write_table(schema.empty_table(), sink)
    return sink.getvalue().to_pybytes(), tuple(lost)


def _write_field(field: Field, path: str, lost: list[str]) -> Any:
    """Return a field of Arrow, with the fields within it."""
    import pyarrow as pa

    kind = _write_type(field, path, lost)
    lost.extend(_lost_of_field(field, path, kind))
    # A column of the type null holds nulls alone.
    is_nullable = not field.is_required or pa.types.is_null(kind)
    return pa.field(field.name, kind, nullable=is_nullable, metadata=_describe(field.description))


def _write_type(field: Field, path: str, lost: list[str]) -> Any:
    import pyarrow as pa

    if field.logical_type == "object" and field.fields:
        return pa.struct(
            [_write_field(child, f"{path}.{child.name}", lost) for child in field.fields]
        )
    if field.logical_type == "array":
        items = field.items or Field("")
        element = _write_field(items, f"{path}[]", lost).with_name("element")
        is_fixed = field.min_items is not None and field.min_items == field.max_items
        return pa.list_(element, field.min_items) if is_fixed else pa.list_(element)
    return find_arrow_type(field)


def _describe(text: str) -> dict[bytes, bytes] | None:
    return {_DESCRIPTION: text.encode()} if text else None


def _lost_of_field(field: Field, path: str, kind: Any) -> list[str]:
    """Return the parts of a field that a column of the type `kind` does not have."""
    import pyarrow as pa

    is_any = pa.types.is_null(kind)
    return lost_of_field(
        field,
        path,
        **{
            "physicalType": field.physical_type not in ("", name_physical(kind)),
            "logicalType": field.logical_type != find_logical(kind),
            # Parquet has no column of values of any type.
            "values of any type": is_any and not field.logical_type,
            "required": is_any and field.is_required,
            "datmo.optional": field.is_optional,
            "datmo.default": field.has_default,
            "unique": field.is_unique,
            "primaryKey": field.is_key,
            **rules_of_field(field),
            "number of items": not pa.types.is_fixed_size_list(kind)
            and (field.min_items is not None or field.max_items is not None),
            "deprecated": field.is_deprecated,
            "examples": field.examples,
        },
    )


def from_parquet(path: str, shown: str, name: str) -> tuple[Contract, tuple[str, ...]]:
    """Return a contract with one table for a Parquet file, and the parts that are not read.

    Raises `DatmoError` for a file that is not Parquet, and without pyarrow.
    """
    schema = ParquetTable(path, shown).schema
    try:
        lost = list(_lost_metadata(schema, ""))
        fields = tuple(_read_field(each, f"{name}.", lost, 0) for each in schema)
    except UnicodeDecodeError as error:
        raise UnreadableTable(f"'{shown}' has a description that is not UTF-8") from error
    table = Table(name, fields=fields, description=_description(schema))
    return Contract(id=name, name=name, tables=(table,)), tuple(lost)


def _read_field(found: Any, prefix: str, lost: list[str], depth: int) -> Field:
    """Return a field of a contract for one of Arrow, with the fields within it."""
    from pyarrow import types

    if depth > _DEEPEST:
        raise UnreadableTable(f"columns are nested deeper than {_DEEPEST} levels")
    path, kind = f"{prefix}{found.name}", plain_type(found.type)
    lost.extend(_lost_metadata(found, f"{path}: "))
    items: Field | None = None
    members: tuple[Field, ...] = ()
    if types.is_struct(kind):
        members = tuple(
            _read_field(kind.field(index), f"{path}.", lost, depth + 1)
            for index in range(kind.num_fields)
        )
    elif types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        items = _read_field(kind.value_field.with_name(""), f"{path}[]", lost, depth + 1)
    elif types.is_map(kind):
        lost.append(f"{path}: types of a map's keys and values")
    length = kind.list_size if types.is_fixed_size_list(kind) else None
    return Field(
        found.name,
        logical_type=find_logical(kind),
        physical_type="" if types.is_null(kind) else name_physical(kind),
        is_required=not found.nullable,
        min_items=length,
        max_items=length,
        items=items,
        fields=members,
        description=_description(found),
    )


def _lost_metadata(found: Any, prefix: str) -> Iterator[str]:
    """Yield the keys of metadata that are not read."""
    for key in found.metadata or {}:
        if key not in (_DESCRIPTION, *_OF_LIBRARIES):
            yield f"{prefix}metadata {key.decode(errors='replace')}"


def _description(found: Any) -> str:
    text: bytes = (found.metadata or {}).get(_DESCRIPTION, b"")
    return text.decode()
