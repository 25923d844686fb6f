"""Name the types of columns: logical types of a contract, and physical types by their width."""

from __future__ import annotations

import re
from typing import Any

from git_datmo.contracts.contract_types import LogicalType

# Contracts name these types as NumPy does; pyarrow prints other names.
_NAMES = {"double": "float64", "float": "float32", "halffloat": "float16", "date32[day]": "date32"}
_INTEGER = re.compile(r"(u?)int(8|16|32|64)")
_FLOAT = re.compile(r"float(16|32|64)")
_OTHERS = re.compile(
    r"(bool|string|binary|date32|date64|timestamp\[.*|time32.*|time64.*|decimal.*)"
)
# Integers of so many bits fit exactly into floating-point numbers.
_EXACT_BITS = {16: 8, 32: 16, 64: 32}


def name_physical(kind: Any) -> str:
    """Return the name of a flat type of pyarrow; empty for a nested one."""
    import pyarrow as pa

    if pa.types.is_nested(kind):
        return ""
    text = str(kind)
    return _NAMES.get(text, text)


def find_logical(kind: Any) -> LogicalType:
    """Return the logical type of a type of pyarrow; empty if it has none."""
    from pyarrow import types

    tests: tuple[tuple[Any, LogicalType], ...] = (
        (types.is_boolean, "boolean"),
        (types.is_integer, "integer"),
        (types.is_floating, "number"),
        (types.is_decimal, "number"),
        (types.is_string, "string"),
        (types.is_large_string, "string"),
        (types.is_date, "date"),
        (types.is_timestamp, "timestamp"),
        (types.is_time, "time"),
        (types.is_struct, "object"),
        (types.is_map, "object"),
        (types.is_list, "array"),
        (types.is_large_list, "array"),
        (types.is_fixed_size_list, "array"),
    )
    return next((name for test, name in tests if test(kind)), "")


def fits_logical(found: str, declared: str) -> bool:
    """Return whether all values of a logical type are of the declared one."""
    return not declared or not found or found == declared or (found, declared) in _WIDER


_WIDER = {("integer", "number")}


def fits_physical(found: str, declared: str) -> bool:
    """Return whether the declared physical type holds each value of the type found.

    A declared type of another system, such as `varchar(18)`, is not judged.
    """
    if not found or found == declared or not _is_known(declared):
        return True
    ints, wanted = _INTEGER.fullmatch(found), _INTEGER.fullmatch(declared)
    floats, wide = _FLOAT.fullmatch(found), _FLOAT.fullmatch(declared)
    if ints and wanted:
        if ints[1] == wanted[1]:
            return int(ints[2]) <= int(wanted[2])
        # A signed type holds a narrower unsigned one. No unsigned type holds a signed one.
        return bool(ints[1]) and int(ints[2]) < int(wanted[2])
    if ints and wide:
        return int(ints[2]) <= _EXACT_BITS[int(wide[1])]
    if floats and wide:
        return int(floats[1]) <= int(wide[1])
    return False


def _is_known(name: str) -> bool:
    """Return whether a physical type has a name of pyarrow."""
    return any(pattern.fullmatch(name) for pattern in (_INTEGER, _FLOAT, _OTHERS))
