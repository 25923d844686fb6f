"""The kinds of values: logical and physical types as families with a width."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from git_datmo.contracts.contract_types import Field, LogicalType

Family = Literal[
    "", "string", "integer", "number", "boolean", "date", "timestamp", "time", "object", "array"
]
Relation = Literal["same", "wider", "narrower", "other", "unknown"]

_SIZED = re.compile(r"(u?int|float|i|u|f)(8|16|32|64)(\[.*\])?\Z", re.IGNORECASE)
_TEXT = re.compile(
    r"(string|str|text|(n?var)?char(acter)?|utf8|large_string|object)\s*(\(\d+\))?\Z"
)
# The names that a family has in SQL, Arrow, pandas and programs. `int` and `float` have a width
# of their own in each of them, so they tell none.
_NAMES: dict[str, tuple[Family, int]] = {
    "tinyint": ("integer", 8),
    "smallint": ("integer", 16),
    "bigint": ("integer", 64),
    "long": ("integer", 64),
    "int": ("integer", 0),
    "integer": ("integer", 0),
    "half": ("number", 16),
    "double": ("number", 64),
    "float": ("number", 0),
    "real": ("number", 0),
    "number": ("number", 0),
    "bool": ("boolean", 0),
    "boolean": ("boolean", 0),
    "date": ("date", 0),
    "date32": ("date", 0),
    "timestamp": ("timestamp", 0),
    "datetime": ("timestamp", 0),
    "time": ("time", 0),
}
# Bits of the whole numbers that a float of this width holds exactly, by IEEE 754.
_EXACT = {16: 11, 32: 24, 64: 53}


@dataclass(frozen=True, slots=True)
class Kind:
    """A family of values. `bits` is 0 where the width is unknown."""

    family: Family
    bits: int = 0
    is_signed: bool = True

    def __str__(self) -> str:
        if self.family == "integer" and self.bits:
            return f"{'' if self.is_signed else 'u'}int{self.bits}"
        if self.family == "number" and self.bits:
            return f"float{self.bits}"
        return self.family or "a value of unknown type"


def kind_of(field: Field) -> Kind:
    """Return the kind of a field's values by its logical type, physical type and number format."""
    return _kind(field.logical_type, field.physical_type, field.format)


# A contract has few types and many fields.
@lru_cache(1024)
def _kind(logical_type: LogicalType, physical_type: str, number_format: str) -> Kind:
    physical = _physical_kind(physical_type)
    if not physical.bits and logical_type in ("integer", "number", ""):
        named = _physical_kind(number_format)
        physical = named if named.bits else physical
    # An integer column that a library stores as floats is an integer all the same.
    if not logical_type or physical.family == logical_type:
        return physical
    return Kind(logical_type)


def _physical_kind(text: str) -> Kind:
    name = text.strip().lower()
    sized = _SIZED.match(name)
    if sized:
        bits = int(sized[2])
        if sized[1] in ("float", "f"):
            # There is no float of 8 bits.
            return Kind("number", bits) if bits > 8 else Kind("number")
        return Kind("integer", bits, is_signed=not sized[1].startswith("u"))
    if name in _NAMES:
        return Kind(*_NAMES[name])
    if _TEXT.match(name):
        return Kind("string")
    # Arrow and pandas add a unit and a zone, as in `timestamp[us, tz=UTC]`.
    return Kind("timestamp") if name.startswith(("timestamp", "datetime")) else Kind("")


def whole_range(kind: Kind) -> tuple[int, int] | None:
    """Return the whole numbers that a kind holds exactly; None where nothing bounds them."""
    if not kind.bits:
        return None
    if kind.family == "integer":
        if kind.is_signed:
            return -(1 << kind.bits - 1), (1 << kind.bits - 1) - 1
        return 0, (1 << kind.bits) - 1
    if kind.family == "number":
        return -(1 << _EXACT[kind.bits]), 1 << _EXACT[kind.bits]
    return None


def relate(old: Kind, new: Kind) -> Relation:
    """Return how the values of a new kind relate to those of an old one, without other rules."""
    if old == new:
        return "same"
    if not old.family or not new.family:
        return "unknown"
    is_wider, is_narrower = holds_all(new, old), holds_all(old, new)
    if is_wider:
        return "same" if is_narrower else "wider"
    return "narrower" if is_narrower else "other"


def holds_all(outer: Kind, inner: Kind) -> bool:
    """Return whether `outer` holds each value of `inner` exactly."""
    if outer.family == inner.family:
        if outer.bits == 0 or outer == inner:
            return True
        if not inner.bits:
            # 64 bits are assumed where no width is given.
            return outer.bits == 64 and outer.is_signed
        if outer.family == "number":
            return outer.bits >= inner.bits
    elif (outer.family, inner.family) != ("number", "integer"):
        return False
    elif not outer.bits:
        return True
    outer_range, inner_range = whole_range(outer), whole_range(inner)
    if outer_range is None or inner_range is None:
        return False
    return outer_range[0] <= inner_range[0] and inner_range[1] <= outer_range[1]
