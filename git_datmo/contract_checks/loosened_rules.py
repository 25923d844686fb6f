"""Loosen the rules of a property of a contract's file as far as new data need it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from git_datmo.contracts.bounded_yaml import Path
from git_datmo.contracts.contract_edits import Edit
from git_datmo.contracts.contract_types import Field, Value
from git_datmo.contracts.odcs_fields import read_quality
from git_datmo.contracts.odcs_values import OdcsObject
from git_datmo.contracts.odcs_writer import flow_text

# Keys of a property by the rule that needs another value of them.
_KEYS = {
    "type": ("logicalType", "physicalType"),
    "physicalType": ("physicalType",),
    "required": ("required",),
}
# Keys of `logicalTypeOptions`, which are rules.
_BOUNDS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "minLength": "min_length",
    "maxLength": "max_length",
}


def loosen_rules(
    declared: dict[str, Any],
    field: Field,
    rule: str,
    outside: Mapping[str, tuple[Value, ...] | None],
) -> Iterator[tuple[Edit, str]]:
    """Yield edits of a property that a broken rule needs, with paths in it, and their words.

    `field` is that of the data. `outside` has the values that an enumeration does not have.
    """
    if rule == "pattern":
        yield from _remove_pattern(declared)
    for path, value in _loosened_keys(declared, field, rule):
        yield Edit(path, value), f"{path[-1]} is now {flow_text(value)}"
    # Values of another type are not compared, so their type alone is a finding.
    if rule in ("enum", "type") and field.name in outside:
        yield from _add_values(declared, outside[field.name])


def _loosened_keys(declared: dict[str, Any], field: Field, rule: str) -> Iterator[tuple[Path, Any]]:
    """Yield the keys of a property that a rule needs another value of, with the value."""
    values = {
        "logicalType": field.logical_type,
        "physicalType": field.physical_type,
        "required": field.is_required,
    }
    for key in _KEYS.get(rule, ()):
        if key in declared and declared[key] != values[key] and values[key] != "":
            yield (key,), values[key]
    options = declared.get("logicalTypeOptions") or {}
    for key in _BOUNDS if rule == "type" else {rule} & {*_BOUNDS}:
        bound = getattr(field, _BOUNDS[key])
        if bound is not None and key in options and (rule == key or _is_past(bound, options, key)):
            yield ("logicalTypeOptions", key), bound


def _is_past(bound: float, options: dict[str, Any], key: str) -> bool:
    """Return whether a bound of the data is past a declared one."""
    declared = options[key]
    if isinstance(declared, bool) or not isinstance(declared, int | Decimal):
        return False
    return bound < declared if key.startswith("min") else bound > declared


def _add_values(
    declared: dict[str, Any], values: tuple[Value, ...] | None
) -> Iterator[tuple[Edit, str]]:
    """Yield the new values of an enumeration, or its removal if they are too many to list."""
    rule = _find_rule(declared, "enum")
    if rule is None:
        return
    if values is None:
        yield Edit(rule, is_removed=True), "the enumeration is removed: too many values are new"
        return
    path: Path = (*rule, "arguments", "validValues") if rule[0] == "quality" else rule
    listed = declared
    for step in path:
        listed = listed[step]  # type: ignore[index]
    # Version 3.2 may write a value as a mapping.
    is_mapping = bool(listed) and isinstance(listed[-1], dict)  # type: ignore[index]
    for value in values:
        item = {"value": value} if is_mapping else value
        yield Edit(path, item, is_new=True), f"{flow_text(value)} is a new value"


def _remove_pattern(declared: dict[str, Any]) -> Iterator[tuple[Edit, str]]:
    """Yield the removal of a pattern, since none is inferred from data."""
    options = declared.get("logicalTypeOptions") or {}
    rule: Path | None = ("logicalTypeOptions", "pattern")
    text = options.get("pattern")
    if not text:
        rule = _find_rule(declared, "pattern")
        text = declared["quality"][rule[1]]["arguments"]["pattern"] if rule else ""
    if rule is not None:
        yield Edit(rule, is_removed=True), f"pattern {flow_text(text)} is removed"


def _find_rule(declared: dict[str, Any], kind: str) -> Path | None:
    """Return the path of an enumeration or of a rule of quality that is one; None without it.

    Version 3.1 writes enumerations and patterns as rules of quality. Of several, the last counts.
    """
    if kind == "enum" and declared.get("enum") is not None:
        return ("enum",)
    rules = declared.get("quality") or []
    for index in reversed(range(len(rules))):
        read, _ = read_quality(OdcsObject({"quality": [rules[index]]}, ()))
        if (read.enum is not None) if kind == "enum" else read.pattern:
            return ("quality", index)
    return None
