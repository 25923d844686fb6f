"""Name the types of contracts as pandas and pandera do, and read their names."""

from __future__ import annotations

import re

from git_datmo.contracts.contract_types import Field, LogicalType
from git_datmo.contracts.value_kinds import Kind, kind_of

_NUMBER = re.compile(r"(?:u?int(?:8|16|32|64)|float(?:16|32|64))\Z", re.IGNORECASE)
_TIME = re.compile(r"datetime64\[(s|ms|us|ns)(?:, *([A-Za-z0-9_/+:-]+))?\]\Z")
# The name of pandas' own types for times in Arrow.
_ARROW_TIME = re.compile(r"timestamp\[(s|ms|us|ns)(?:, tz=([A-Za-z0-9_/+:-]+))?\]\Z")
_NAMES: dict[str, tuple[LogicalType, str]] = {
    "int": ("integer", ""),
    "float": ("number", ""),
    "double": ("number", "float64"),
    "bool": ("boolean", "bool"),
    "boolean": ("boolean", "bool"),
    "str": ("string", "string"),
    "string": ("string", "string"),
    "date": ("date", ""),
    "date32[day]": ("date", "date32"),
    "object": ("", ""),
    "": ("", ""),
}


def name_dtype(field: Field) -> str:
    """Return the name of a field's type in a data frame; '' if none holds its values.

    Numbers without a width have 64 bits. A plain integer or boolean of pandas is never null, so
    those that may be null have the name of the nullable type.
    """
    kind = kind_of(field)
    if kind.family == "integer":
        name = str(Kind("integer", kind.bits or 64, kind.is_signed))
        # `Int64` and `UInt64` are the nullable types.
        return name if field.is_required else name.replace("uint", "UInt").replace("int", "Int")
    if kind.family == "number":
        return f"float{kind.bits or 64}"
    if kind.family == "boolean":
        return "bool" if field.is_required else "boolean"
    if kind.family == "timestamp":
        # Without a unit no type is known: pandas 2 has nanoseconds, and pandas 3 microseconds.
        found = _ARROW_TIME.match(field.physical_type)
        return f"datetime64[{', '.join(filter(None, found.groups()))}]" if found else ""
    return {"string": "str", "date": "date"}.get(kind.family, "")


def read_dtype(text: str) -> tuple[LogicalType, str] | None:
    """Return the logical and the physical type of a type's name; None if it is unknown."""
    # Storage, as in `string[pyarrow]` and `int64[pyarrow]`, says nothing of the values.
    name = re.sub(r"\[(pyarrow|python|pyarrow_numpy)\]\Z", "", text)
    if _NUMBER.match(name):
        logical: LogicalType = "number" if name.lower().startswith("float") else "integer"
        return logical, name.lower()
    time = _TIME.match(name) or _ARROW_TIME.match(name)
    if time:
        zone = f", tz={time[2]}" if time[2] else ""
        return "timestamp", f"timestamp[{time[1]}{zone}]"
    return _NAMES.get(name)
