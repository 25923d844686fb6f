"""Find the type of Arrow that holds the values of a field."""

from __future__ import annotations

import re
from typing import Any

from git_datmo.contracts.column_types import find_logical
from git_datmo.contracts.contract_types import Field, LogicalType
from git_datmo.contracts.value_kinds import Kind, kind_of

_TIMESTAMP = re.compile(r"timestamp\[(s|ms|us|ns)(?:, tz=(.+))?\]\Z")
_TIME = re.compile(r"time(32|64)\[(s|ms|us|ns)\]\Z")
_DECIMAL = re.compile(r"decimal(128|256)?\(([0-9]{1,2}), ?(-?[0-9]{1,2})\)\Z")
_BINARY = re.compile(r"fixed_size_binary\[([0-9]{1,9})\]\Z")
_DURATION = re.compile(r"duration\[(s|ms|us|ns)\]\Z")
# Arrow's names of types, where they differ from those of contracts.
_ALIASES = {"float64": "double", "float32": "float", "float16": "halffloat"}
_FLAT = frozenset({"bool", "string", "binary", "date32", "date64"})
# Where no physical type says more. A timestamp has microseconds and no zone.
_DEFAULTS: dict[LogicalType, str] = {
    "string": "string",
    "boolean": "bool",
    "date": "date32",
    "timestamp": "timestamp[us]",
    "time": "time64[us]",
}


def find_arrow_type(field: Field) -> Any:
    """Return the type of pyarrow for a field that is no list and no struct; null if none fits.

    Numbers without a width have 64 bits.
    """
    import pyarrow as pa

    named = _read_physical(field.physical_type)
    if named is not None and field.logical_type in ("", find_logical(named)):
        return named
    kind = kind_of(field)
    if kind.family in ("integer", "number"):
        name = str(Kind(kind.family, kind.bits or 64, kind.is_signed))
    elif kind.family:
        name = _DEFAULTS.get(kind.family, "")
    else:
        name = ""
    return _read_physical(name) or pa.null()


def _read_physical(name: str) -> Any:
    """Return the type of pyarrow of a physical type; None for a type of another system."""
    import pyarrow as pa

    try:
        if found := _TIMESTAMP.match(name):
            return pa.timestamp(found[1], tz=found[2])
        if found := _DECIMAL.match(name):
            make = pa.decimal256 if found[1] == "256" else pa.decimal128
            return make(int(found[2]), int(found[3]))
        if found := _BINARY.match(name):
            return pa.binary(int(found[1]))
        if found := _DURATION.match(name):
            return pa.duration(found[1])
        if name in _FLAT or _TIME.match(name) or re.match(r"(u?int|float)[0-9]", name):
            return pa.type_for_alias(_ALIASES.get(name, name))
    except ValueError:
        # A width, precision or unit that Arrow does not have.
        return None
    return None
