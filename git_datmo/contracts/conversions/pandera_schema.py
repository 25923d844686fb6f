"""Convert contracts to and from pandera's schemas of data frames, in their form as YAML.

`DataFrameSchema.from_yaml` reads this form, and `to_yaml` writes it. A schema in Python is code of
strangers, so it is never read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from git_datmo.contracts.contract_types import Contract, Field, Table
from git_datmo.contracts.conversions.json_documents import (
    lost_of_contract,
    lost_of_field,
    lost_of_table,
    one_table,
    rules_of_field,
)
from git_datmo.contracts.conversions.pandera_types import name_dtype, read_dtype
from git_datmo.contracts.odcs_writer import given_values
from git_datmo.errors import DatmoError

# A check's name in pandera, by the bound and whether the bound itself is outside.
_LOWER = {False: "greater_than_or_equal_to", True: "greater_than"}
_UPPER = {False: "less_than_or_equal_to", True: "less_than"}
_NUMBERS = ("integer", "number")
# Types whose values YAML and a data frame write alike.
_WITH_VALUES = ("string", "boolean", *_NUMBERS)
_READ = frozenset({"schema_type", "version", "api", "columns", "name", "description", "unique"})
_READ_COLUMN = frozenset(
    {"description", "dtype", "nullable", "checks", "name", "unique", "required"}
)
# Keys of a column or schema that are no checks; each is lost if it is set.
_OPTIONS = frozenset(
    {
        *("title", "coerce", "regex", "default", "report_duplicates", "drop_invalid_rows"),
        *("strict", "ordered", "unique_column_names", "add_missing_columns", "index"),
        *("multiindex", "checks", "dtype", "dataframe_library", "metadata"),
    }
)
_DEFAULTS: tuple[Any, ...] = (None, False, "all", [], {})
# Options of a check that change no verdict.
_PLAIN_OPTIONS = {"check_name": None, "ignore_na": True, "raise_warning": False, "error": None}


def to_pandera(contract: Contract) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the schema of a contract's only table, and the names of lost rules.

    Raises `DatmoError` for a contract of several tables.
    """
    table = one_table(contract, "a schema of pandera")
    lost = [*lost_of_contract(contract), *lost_of_table(table)]
    columns = {
        field.name: _write_column(field, f"{table.name}.{field.name}", lost)
        for field in table.fields
    }
    key = [field.name for field in table.fields if field.is_key]
    return {
        "schema_type": "dataframe",
        "columns": columns,
        **given_values({"name": table.name, "description": table.description, "unique": key}),
    }, tuple(lost)


def _write_column(field: Field, path: str, lost: list[str]) -> dict[str, Any]:
    dtype = name_dtype(field)
    lost.extend(_lost_of_column(field, path, dtype))
    values = {
        "dtype": dtype,
        "description": field.description,
        "nullable": not field.is_required,
        # pandera counts nulls as repetitions, a contract does not.
        "unique": field.is_unique and field.is_required,
        "checks": given_values(_write_checks(field)),
    }
    # Without the key, a column is required to be there.
    return {**given_values(values), **({"required": False} if field.is_optional else {})}


def _write_checks(field: Field) -> dict[str, Any]:
    checks: dict[str, Any] = {}
    if field.logical_type in _NUMBERS:
        checks[_LOWER[field.is_minimum_exclusive]] = field.minimum
        checks[_UPPER[field.is_maximum_exclusive]] = field.maximum
    if field.logical_type in _WITH_VALUES and field.enum is not None:
        checks["isin"] = [value for value in field.enum if value is not None]
    if field.logical_type == "string":
        # `str_contains` searches, as a contract does. `str_matches` begins at the start.
        checks["str_contains"] = field.pattern
        if field.min_length is not None or field.max_length is not None:
            checks["str_length"] = {"min_value": field.min_length, "max_value": field.max_length}
    return checks


def _lost_of_column(field: Field, path: str, dtype: str) -> Iterable[str]:
    """Return the parts of a field that a column does not have."""
    kind, physical = read_dtype(dtype) or ("", "")
    rules = rules_of_field(field)
    kept = {
        "range": field.logical_type in _NUMBERS,
        # An empty list would be no check.
        "enum": field.logical_type in _WITH_VALUES and field.enum != (),
        "length": field.logical_type == "string",
        "pattern": field.logical_type == "string",
    }
    return lost_of_field(
        field,
        path,
        **{
            "physicalType": field.physical_type not in ("", physical),
            "logicalType": field.logical_type != kind,
            "unique": field.is_unique and not field.is_required,
            **{name: value and not kept.get(name) for name, value in rules.items()},
            "items": field.items,
            "properties": field.fields,
            "datmo.default": field.has_default,
            "deprecated": field.is_deprecated,
            "examples": field.examples,
        },
    )


def from_pandera(document: dict[str, Any], name: str) -> tuple[Contract, tuple[str, ...]]:
    """Return a contract with one table, and the parts that are not read."""
    columns = document.get("columns")
    if isinstance(columns, list):
        # pandera writes a list if a name of a column is not text.
        columns = {str(each.get("name")): each for each in columns if isinstance(each, dict)}
    if not isinstance(columns, dict):
        raise DatmoError(
            f"'{name}' is no schema of pandera: it has no mapping 'columns'",
            "write one with pandera: schema.to_yaml('FILE')",
        )
    lost = [key for key in document if key not in _READ and document[key] not in _DEFAULTS]
    title = document.get("name")
    table = str(title) if title else name
    fields = [
        _read_column(column, found, f"{table}.{column}", lost)
        for column, found in columns.items()
        if isinstance(found, dict) and not _is_pattern(column, found, table, lost)
    ]
    marked = _mark_key(fields, document.get("unique"), lost)
    description = document.get("description")
    made = Table(table, fields=marked, description=str(description) if description else "")
    return Contract(id=name, name=table, tables=(made,)), tuple(lost)


def _is_pattern(name: str, found: dict[str, Any], table: str, lost: list[str]) -> bool:
    """Return whether a column stands for all columns with names of a pattern."""
    if found.get("regex") is not True:
        return False
    lost.append(f"{table}.{name}: column by a pattern of names")
    return True


def _mark_key(fields: list[Field], unique: object, lost: list[str]) -> tuple[Field, ...]:
    """Return fields with the primary key that distinct combinations of columns are."""
    names = [unique] if isinstance(unique, str) else unique
    if not isinstance(names, list) or not names:
        return tuple(fields)
    chosen = [field for field in fields if field.name in names]
    # A key has no nulls. Several columns that may be null are no key.
    if len(chosen) != len(names) or not all(field.is_required for field in chosen):
        lost.append("unique")
        return tuple(fields)
    return tuple(replace(field, is_key=field.name in names) for field in fields)


def _read_column(name: str, found: dict[str, Any], path: str, lost: list[str]) -> Field:
    checks = dict(_checks_of(found))
    keys = [key for key in found if key not in _READ_COLUMN and key not in checks]
    lost.extend(f"{path}: {key}" for key in keys if found[key] not in _DEFAULTS)
    dtype = found.get("dtype")
    kind = read_dtype(str(dtype)) if dtype else ("", "")
    if kind is None:
        lost.append(f"{path}: dtype {dtype}")
    logical, physical = kind or ("", "")
    description = found.get("description")
    field = Field(
        name,
        logical_type=logical,
        physical_type=physical,
        is_required=found.get("nullable") is not True,
        is_optional=found.get("required") is False,
        is_unique=found.get("unique") is True,
        description=str(description) if description else "",
    )
    for check, value in checks.items():
        rule = _read_check(check, value, field)
        if rule is None:
            lost.append(f"{path}: {check}")
        field = rule or field
    return field


def _checks_of(found: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    """Yield names and values of checks, which versions of pandera write in three ways."""
    checks = found.get("checks")
    if isinstance(checks, dict):
        yield from checks.items()
    elif isinstance(checks, list):
        for number, check in enumerate(checks):
            options = check.get("options") if isinstance(check, dict) else None
            named = options.get("check_name") if isinstance(options, dict) else None
            yield (str(named), check) if named else (f"check {number + 1}", None)
    known = _READ_COLUMN | _OPTIONS
    yield from ((key, value) for key, value in found.items() if key not in known)


def _read_check(name: str, value: Any, field: Field) -> Field | None:
    """Return a field with the rule of a check; None if a field has no place for it."""
    arguments = _arguments(value)
    if arguments is None:
        return None
    first = next(iter(arguments.values()), None) if len(arguments) == 1 else None
    changes: dict[str, Any] | None = None
    if name in (*_LOWER.values(), "ge", "gt"):
        changes = _lower(first, field, is_exclusive=name in ("greater_than", "gt"))
    elif name in (*_UPPER.values(), "le", "lt"):
        changes = _upper(first, field, is_exclusive=name in ("less_than", "lt"))
    elif name in ("in_range", "between"):
        changes = _range(arguments, field)
    elif name in ("isin", "equal_to", "eq"):
        values: Any = first if name == "isin" else [first]
        is_free = field.enum is None and isinstance(values, list) and all(map(_is_plain, values))
        changes = {"enum": tuple(values)} if is_free else None
    elif name == "str_length":
        changes = _lengths(arguments, field)
    elif name.startswith("str_") and isinstance(first, str) and not field.pattern:
        pattern = _pattern(name, first)
        changes = {"pattern": pattern} if pattern else None
    return replace(field, **changes) if changes else None


def _arguments(value: Any) -> dict[str, Any] | None:
    """Return the arguments of a check by name; None if an option changes its meaning."""
    if not isinstance(value, dict):
        return {"value": value}
    given = dict(value)
    nested = given.pop("options", None)
    options = dict(nested) if isinstance(nested, dict) else {}
    for key in (*_PLAIN_OPTIONS, "groupby", "groups", "n_failure_cases", "name"):
        if key in given:
            options[key] = given.pop(key)
    for key, option in options.items():
        if key not in ("check_name", "error", "name") and option != _PLAIN_OPTIONS.get(key):
            return None
    return given


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | Decimal)


def _is_bound(value: Any) -> bool:
    return _is_plain(value) and not isinstance(value, bool)


def _lower(value: Any, field: Field, *, is_exclusive: bool) -> dict[str, Any] | None:
    if field.minimum is not None or not _is_bound(value):
        return None
    return {"minimum": value, "is_minimum_exclusive": is_exclusive}


def _upper(value: Any, field: Field, *, is_exclusive: bool) -> dict[str, Any] | None:
    if field.maximum is not None or not _is_bound(value):
        return None
    return {"maximum": value, "is_maximum_exclusive": is_exclusive}


def _range(arguments: dict[str, Any], field: Field) -> dict[str, Any] | None:
    low = _lower(
        arguments.get("min_value"), field, is_exclusive=arguments.get("include_min") is False
    )
    high = _upper(
        arguments.get("max_value"), field, is_exclusive=arguments.get("include_max") is False
    )
    return {**low, **high} if low and high else None


def _lengths(arguments: dict[str, Any], field: Field) -> dict[str, Any] | None:
    exact = arguments.get("exact_value")
    low = arguments.get("min_value", arguments.get("value")) if exact is None else exact
    high = arguments.get("max_value") if exact is None else exact
    lengths = [length for length in (low, high) if length is not None]
    is_free = field.min_length is None and field.max_length is None
    if not lengths or not is_free or not all(type(length) is int for length in lengths):
        return None
    return {"min_length": low, "max_length": high}


def _pattern(name: str, text: str) -> str:
    """Return the pattern of a check of text; '' if there is none."""
    return {
        "str_contains": text,
        "str_matches": text if text.startswith("^") and "|" not in text else f"^(?:{text})",
        "str_startswith": f"^{re.escape(text)}",
        "str_endswith": f"{re.escape(text)}$",
    }.get(name, "")
