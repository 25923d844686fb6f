"""Write a new contract as ODCS v3.1."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from git_datmo.contracts.contract_types import Contract, Field, FileRule, QualityRule, Table, Value

API_VERSION = "v3.1.0"
# Plain words need no quotes in YAML 1.1 and 1.2. The exceptions are constants of one of the two.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./+-]*( [A-Za-z_(][A-Za-z0-9_./()+-]*)*\Z")
_NOT_PLAIN = re.compile(r"(true|false|yes|no|on|off|y|n|null)\Z", re.IGNORECASE)
_FORMATS = {
    "csv": (".csv", ".tsv"),
    "json": (".json", ".jsonl", ".ndjson"),
    "parquet": (".parquet",),
    "npy": (".npy", ".npz"),
    "safetensors": (".safetensors",),
    "onnx": (".onnx",),
    "pytorch": (".pt", ".pth"),
}


def new_contract(contract: Contract) -> str:
    """Return the text of a contract's file. Values equal to the defaults are left out."""
    return "".join(f"{line}\n" for line in block_lines(contract_document(contract), 0))


def contract_document(contract: Contract) -> dict[str, Any]:
    """Return a contract as the mapping of its file."""
    custom = [("datmo.entry", contract.entry), ("datmo.gates", list(contract.gates))]
    servers = [
        {"server": f"local{index or ''}", "type": "local", "path": path, "format": _format(path)}
        for index, path in enumerate(contract.paths)
    ]
    return {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": contract.id,
        **given_values({"name": contract.name}),
        "version": contract.version or "1.0.0",
        "status": contract.status or "active",
        **given_values({"servers": servers}),
        **given_values({"schema": [_table(table) for table in contract.tables]}),
        **_custom(custom),
    }


def _format(path: str) -> str:
    """Return the format that the standard demands of a local server."""
    suffix = posixpath.splitext(path)[1].lower()
    return next((name for name, suffixes in _FORMATS.items() if suffix in suffixes), "folder")


def given_values(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that are neither empty nor absent. Zero is a value."""
    # Python takes 0 for equal to False, so a bound of 0 needs the test of its type.
    absent: tuple[Any, ...] = (None, "", False, [], {})
    return {
        name: value
        for name, value in values.items()
        if (isinstance(value, int | Decimal) and value is not False) or value not in absent
    }


def _custom(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    given = given_values(dict(pairs))
    properties = [{"property": name, "value": value} for name, value in given.items()]
    return given_values({"customProperties": properties})


def _table(table: Table) -> dict[str, Any]:
    custom = [
        ("datmo.port", table.port if table.port != "provides" else ""),
        ("datmo.files", _files(table.files) if table.files else None),
        ("datmo.disjoint", list(table.disjoint)),
    ]
    return {
        "name": table.name,
        **given_values({"physicalName": table.physical_name, "description": table.description}),
        **given_values({"properties": [field_document(field) for field in table.fields]}),
        **given_values({"quality": [_rule(rule) for rule in table.quality]}),
        **_custom(custom),
    }


def _files(rule: FileRule) -> dict[str, Any]:
    return given_values(
        {
            "mediaTypes": list(rule.media_types),
            "minSize": list(rule.min_size or ()),
            "maxSize": list(rule.max_size or ()),
            "channels": list(rule.channels),
        }
    )


def field_document(field: Field) -> dict[str, Any]:
    """Return a field as the mapping of a property."""
    values = {
        "id": field.id,
        "name": field.name,
        "description": field.description,
        "logicalType": field.logical_type,
        "logicalTypeOptions": _options(field),
        "physicalType": field.physical_type,
        "primaryKey": field.is_key,
        "required": field.is_required,
        "unique": field.is_unique,
        "classification": field.classification,
        "examples": list(field.examples),
        "items": field_document(field.items) if field.items else None,
        "properties": [field_document(child) for child in field.fields],
        "quality": [*_enum_rule(field), *map(_rule, field.quality)],
    }
    return {**given_values(values), **_field_custom(field)}


def _field_custom(field: Field) -> dict[str, Any]:
    tensor = field.tensor
    shape = {"datatype": tensor.datatype, "shape": list(tensor.shape)} if tensor else None
    custom = _custom(
        [("datmo.optional", field.is_optional), ("datmo.unit", field.unit), ("datmo.tensor", shape)]
    )
    if field.has_default:
        # `given_values` would drop a default of null, which differs from no default.
        custom.setdefault("customProperties", []).append(
            {"property": "datmo.default", "value": field.default}
        )
    return custom


def _options(field: Field) -> dict[str, Any]:
    low = "exclusiveMinimum" if field.is_minimum_exclusive else "minimum"
    high = "exclusiveMaximum" if field.is_maximum_exclusive else "maximum"
    return given_values(
        {
            low: field.minimum,
            high: field.maximum,
            "multipleOf": field.multiple_of,
            "minLength": field.min_length,
            "maxLength": field.max_length,
            "minItems": field.min_items,
            "maxItems": field.max_items,
            "pattern": field.pattern,
            "format": field.format,
        }
    )


def _enum_rule(field: Field) -> Iterator[dict[str, Any]]:
    """Yield the rule by which v3.1, which has no `enum`, lists the allowed values."""
    if field.enum is not None:
        yield {
            "metric": "invalidValues",
            "arguments": {"validValues": list(field.enum)},
            "mustBe": 0,
        }


def _rule(rule: QualityRule) -> dict[str, Any]:
    document: dict[str, Any] = {"metric": rule.metric}
    if rule.arguments:
        document["arguments"] = {name: json.loads(text) for name, text in rule.arguments}
    operator, value = _operator(rule)
    document[operator] = value
    if rule.unit != "rows":
        document["unit"] = rule.unit
    return {**document, **given_values({"severity": rule.severity})}


def _operator(rule: QualityRule) -> tuple[str, Any]:
    lower, upper = rule.lower, rule.upper
    if lower is not None and upper is not None:
        if lower == upper:
            return "mustNotBe" if rule.is_negated else "mustBe", lower
        return "mustNotBeBetween" if rule.is_negated else "mustBeBetween", [lower, upper]
    if lower is not None:
        return "mustBeGreaterThan" if rule.is_lower_exclusive else "mustBeGreaterOrEqualTo", lower
    return "mustBeLessThan" if rule.is_upper_exclusive else "mustBeLessOrEqualTo", upper


def block_lines(value: Any, indent: int) -> Iterator[str]:
    """Yield the lines of a mapping or list in block style; short lists of scalars stay in line."""
    space = " " * indent
    if isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, dict) or _has_collections(item):
                yield f"{space}{scalar_text(name)}:"
                yield from block_lines(item, indent + 2)
            else:
                yield f"{space}{scalar_text(name)}: {flow_text(item)}"
        return
    for item in value:
        if not isinstance(item, dict) or not item:
            yield f"{space}- {flow_text(item)}"
            continue
        first, *others = block_lines(item, indent + 2)
        yield f"{space}- {first.lstrip(' ')}"
        yield from others


def _has_collections(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, list | dict) for item in value)


def flow_text(value: Any) -> str:
    """Return a value on one line of YAML."""
    if isinstance(value, list):
        return f"[{', '.join(map(flow_text, value))}]"
    if isinstance(value, dict):
        pairs = (f"{scalar_text(name)}: {flow_text(item)}" for name, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    return scalar_text(value)


def scalar_text(value: Value) -> str:
    """Return a scalar that YAML 1.1 and 1.2 read back as the same value."""
    if isinstance(value, str):
        if _PLAIN.match(value) and not _NOT_PLAIN.match(value):
            return value
        # JSON's text is YAML's, but for characters that YAML does not print.
        return json.dumps(value, ensure_ascii=not value.isprintable())
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, float):
        # The shortest text that reads back as the same number.
        value = Decimal(repr(value))
    return _number_text(value)


def _number_text(value: int | Decimal) -> str:
    """Return a number; PyYAML reads an exponent only after a point and with a sign."""
    text = str(value)
    if "E" not in text:
        return text
    mantissa, _, exponent = text.partition("E")
    if "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa}e{exponent}"
