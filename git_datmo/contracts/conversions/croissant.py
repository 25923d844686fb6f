"""Convert contracts to and from Croissant, a description of data sets in JSON-LD.

https://docs.mlcommons.org/croissant/docs/croissant-spec.html has the specification.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable
from typing import Any

from git_datmo.contracts.check_values import choose_table
from git_datmo.contracts.contract_types import Contract, Field, LogicalType, Table
from git_datmo.contracts.conversions.croissant_context import CONTEXT
from git_datmo.contracts.conversions.json_documents import (
    lost_of_contract,
    lost_of_field,
    lost_of_table,
    rules_of_field,
)
from git_datmo.contracts.odcs_writer import given_values
from git_datmo.errors import DatmoError

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
_TYPES: dict[LogicalType, str] = {
    "string": "sc:Text",
    "integer": "sc:Integer",
    "number": "sc:Float",
    "boolean": "sc:Boolean",
    "date": "sc:Date",
    "timestamp": "sc:DateTime",
    "time": "sc:Time",
}
_READ_TYPES: dict[str, tuple[LogicalType, str]] = {
    **{name: (logical, "") for logical, name in _TYPES.items()},
    "sc:Number": ("number", ""),
    **{
        f"cr:{sign}Int{bits}": ("integer", f"{sign.lower()}int{bits}")
        for sign in ("", "U")
        for bits in (8, 16, 32, 64)
    },
    **{f"cr:Float{bits}": ("number", f"float{bits}") for bits in (16, 32, 64)},
}
_MEDIA_TYPES = {
    ".parquet": "application/x-parquet",
    ".jsonl": "application/jsonlines",
    ".ndjson": "application/jsonlines",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
}
_READ = frozenset(
    {
        *("@context", "@type", "@id", "name", "description", "conformsTo", "distribution"),
        *("recordSet", "version", "isLiveDataset"),
    }
)
_READ_FIELD = frozenset(
    {"@type", "@id", "name", "description", "dataType", "source", "repeated", "subField"}
)


def to_croissant(contract: Contract) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a description with a record set for each table, and the names of the lost parts."""
    kept = ("version", "servers")
    lost = [name for name in lost_of_contract(contract) if name not in kept]
    groups = _group_paths(contract)
    sets = [
        _write_table(table, _files_id(groups[index]) if index in groups else "", lost)
        for index, table in enumerate(contract.tables)
    ]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": contract.name or contract.id,
        "conformsTo": CONFORMS_TO,
        **given_values({"version": contract.version}),
        "distribution": [_write_files(paths) for paths in groups.values()],
        "recordSet": sets,
    }, tuple(lost)


def _group_paths(contract: Contract) -> dict[int, list[str]]:
    """Return the paths of each table's files by the index of the table; -1 if it is not known."""
    groups: dict[int, list[str]] = {}
    for path in contract.paths:
        table = choose_table(contract, path)
        index = -1 if table is None else contract.tables.index(table)
        groups.setdefault(index, []).append(path)
    return groups


def _files_id(paths: list[str]) -> str:
    """Return the id of a file set. Record sets and fields have ids too, which it must not equal."""
    return f"files/{paths[0]}"


def _write_files(paths: list[str]) -> dict[str, Any]:
    suffix = paths[0][paths[0].rfind(".") :].lower()
    return {
        # A file object has a checksum, which a contract has not.
        "@type": "cr:FileSet",
        "@id": _files_id(paths),
        "name": paths[0],
        "encodingFormat": _MEDIA_TYPES.get(suffix)
        or mimetypes.guess_type(paths[0])[0]
        or "application/octet-stream",
        "includes": paths[0] if len(paths) == 1 else paths,
    }


def _write_table(table: Table, source: str, lost: list[str]) -> dict[str, Any]:
    lost.extend(lost_of_table(table))
    if table.fields and not source:
        # mlcroissant refuses a field without a source.
        lost.append(f"{table.name}: source, since no path of the contract is known as its data")
    key = [{"@id": f"{table.name}/{field.name}"} for field in table.fields if field.is_key]
    return {
        "@type": "cr:RecordSet",
        "@id": table.name,
        "name": table.name,
        **given_values({"description": table.description, "key": key}),
        "field": [_write_field(field, f"{table.name}/", source, lost) for field in table.fields],
    }


def _write_field(field: Field, prefix: str, source: str, lost: list[str]) -> dict[str, Any]:
    path = f"{prefix}{field.name}"
    lost.extend(_lost_of_field(field, path.replace("/", ".", 1)))
    kind = field.items if field.logical_type == "array" and field.items else field
    data_type = _TYPES.get(kind.logical_type, "")
    values = {
        "description": field.description,
        # mlcroissant refuses a field without a type, unless it has fields of its own.
        "dataType": data_type if data_type or kind.fields else _TYPES["string"],
        "repeated": field.logical_type == "array",
        "source": {"fileSet": {"@id": source}, "extract": {"column": field.name}}
        if source
        else None,
        "subField": [_write_field(child, f"{path}/", "", lost) for child in kind.fields],
    }
    return {"@type": "cr:Field", "@id": path, "name": path, **given_values(values)}


def _lost_of_field(field: Field, path: str) -> Iterable[str]:
    """Return the parts of a field that a description does not have."""
    items = field.items
    plain = Field("", logical_type=items.logical_type, fields=items.fields) if items else None
    kind = items or field
    return lost_of_field(
        field,
        path,
        **{
            "values of any type": kind.logical_type not in _TYPES and not kind.fields,
            # Elements have a type, and no rule.
            "items": items is not None and items != plain,
            "required": field.is_required,
            "datmo.optional": field.is_optional,
            "datmo.default": field.has_default,
            "unique": field.is_unique,
            **rules_of_field(field),
            "deprecated": field.is_deprecated,
            "examples": field.examples,
        },
    )


def from_croissant(document: dict[str, Any], name: str) -> tuple[Contract, tuple[str, ...]]:
    """Return a contract with a table for each record set, and the keys that are not read."""
    sets = _objects(document.get("recordSet"))
    if not sets:
        raise DatmoError(f"'{name}' has no record set of Croissant", "name a description with one")
    lost = [key for key in document if key not in _READ]
    paths = tuple(
        path for each in _objects(document.get("distribution")) for path in _read_path(each, lost)
    )
    tables = tuple(_read_table(each, lost) for each in sets)
    version = document.get("version")
    return (
        Contract(
            id=name,
            name=str(document.get("name") or name),
            version=version if isinstance(version, str) else "",
            paths=paths,
            tables=tables,
        ),
        tuple(lost),
    )


def _objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of a value: JSON-LD has an object for a list of one."""
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, dict)]


def _read_path(found: dict[str, Any], lost: list[str]) -> Iterable[str]:
    """Yield the paths of a file or of patterns that are in the same folder as the description."""
    name = str(found.get("@id") or found.get("name") or "")
    listed = found.get("includes", found.get("contentUrl"))
    for path in listed if isinstance(listed, list) else [listed]:
        if isinstance(path, str) and "://" not in path and "containedIn" not in found:
            yield path
        else:
            lost.append(f"distribution: {name}")


def _read_table(found: dict[str, Any], lost: list[str]) -> Table:
    name = _own_name(found)
    keys = {_text(key, "@id") for key in _objects(found.get("key"))} - {""}
    known = ("@type", "@id", "name", "description", "key", "field")
    lost.extend(f"{name}: {key}" for key in found if key not in known)
    return Table(
        name,
        description=_text(found, "description"),
        fields=tuple(
            _read_field(each, f"{name}.", lost, is_key=_text(each, "@id") in keys)
            for each in _objects(found.get("field"))
        ),
    )


def _read_field(found: dict[str, Any], prefix: str, lost: list[str], *, is_key: bool) -> Field:
    name = _column(found) or _own_name(found)
    path = f"{prefix}{name}"
    lost.extend(f"{path}: {key}" for key in found if key not in _READ_FIELD)
    kind, physical = _read_type(found, path, lost)
    fields = tuple(
        _read_field(each, f"{path}.", lost, is_key=False)
        for each in _objects(found.get("subField"))
    )
    description = _text(found, "description")
    if fields:
        kind, physical = "object", ""
    if found.get("repeated") in (True, "True", "true"):
        items = Field("", logical_type=kind, physical_type=physical, fields=fields)
        return Field(name, logical_type="array", items=items, description=description)
    return Field(
        name,
        logical_type=kind,
        physical_type=physical,
        is_key=is_key,
        is_required=is_key,
        fields=fields,
        description=description,
    )


def _read_type(found: dict[str, Any], path: str, lost: list[str]) -> tuple[LogicalType, str]:
    """Return the logical and the physical type of the first data type that is known."""
    declared = found.get("dataType")
    names = declared if isinstance(declared, list) else [declared] if declared else []
    short = [str(name).replace("https://schema.org/", "sc:") for name in names]
    known = [_READ_TYPES[name] for name in short if name in _READ_TYPES]
    lost.extend(f"{path}: dataType {name}" for name in short if name not in _READ_TYPES)
    return known[0] if known else ("", "")


def _column(found: dict[str, Any]) -> str:
    """Return the column of its source that a field is; '' if there is none."""
    source = found.get("source")
    extract = source.get("extract") if isinstance(source, dict) else None
    return _text(extract, "column") if isinstance(extract, dict) else ""


def _own_name(found: dict[str, Any]) -> str:
    """Return the name of a record set or field without those that it is part of."""
    return (_text(found, "name") or _text(found, "@id")).rpartition("/")[2]


def _text(found: dict[str, Any], key: str) -> str:
    value = found.get(key)
    return value if isinstance(value, str) else ""
