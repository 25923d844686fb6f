"""Find values outside an enumeration, in columns of any flat type."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from git_datmo.contracts.contract_types import Field, Value
from git_datmo.contracts.time_bounds import parse_date, parse_timestamp


class Enumeration:
    """Values of an enumeration, as arrays of the types that columns have."""

    def __init__(self, wanted: Field) -> None:
        self._values = wanted.enum or ()
        self._sets: dict[str, Any] = {}

    def find_others(self, values: Any) -> Any:
        """Return a mask of the values outside the enumeration. A null is none of them."""
        from pyarrow import compute

        kind = str(values.type)
        if kind not in self._sets:
            self._sets[kind] = self._make_set(values.type)
        inside = compute.is_in(values, value_set=self._sets[kind])
        return compute.and_(compute.invert(inside), compute.is_valid(values))

    def _make_set(self, kind: Any) -> Any:
        """Return the values that a type can hold."""
        import pyarrow as pa

        held = []
        for value in self._values:
            try:
                converted = _convert(value, kind)
                if converted is not None:
                    held.append(pa.scalar(converted, kind).as_py())
            except (pa.ArrowException, TypeError, ValueError, OverflowError):
                # A value that the type cannot hold equals none of the column.
                continue
        return pa.array(held, kind)


def _convert(value: Value, kind: Any) -> Any:
    """Return a value of an enumeration as a type of Arrow needs it; None if none equals it."""
    from pyarrow import types

    # True and 1 are two values of YAML, while Python takes them for equal.
    if value is None or isinstance(value, bool) != types.is_boolean(kind):
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if types.is_date(kind):
            return parse_date(value)
        if types.is_timestamp(kind):
            moment = parse_timestamp(value)
            return moment if kind.tz else moment.replace(tzinfo=None)
        return value
    if types.is_floating(kind):
        return float(value)
    if types.is_decimal(kind):
        return Decimal(str(value))
    # pyarrow cuts off the fraction.
    return int(value) if types.is_integer(kind) and value == int(value) else None
