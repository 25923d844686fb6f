"""Find the values of an Arrow array that break the rules of a field.

Flat columns and the members and elements of nested values are checked by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from git_datmo.contracts.contract_types import Field, Value
from git_datmo.contracts.enumerations import Enumeration
from git_datmo.contracts.rule_messages import name_type

LONGEST_SHOWN = 100


class ValueRules:
    """The rules of a field for its values. `unchecked` has those that cannot be checked, and why.

    Types and nulls are not among them.
    """

    def __init__(self, wanted: Field) -> None:
        self._field = wanted
        self._enum = Enumeration(wanted)
        self.unchecked: dict[str, str] = {}
        if wanted.pattern and not is_linear_pattern(wanted.pattern):
            shown = f"pattern {wanted.pattern[:LONGEST_SHOWN]!r}"
            self.unchecked["pattern"] = f"{shown} is invalid, or needs more than linear time"

    def find(self, values: Any) -> Iterator[tuple[str, Any]]:
        """Yield the names of broken rules, each with a mask of the values that break it.

        A mask is null where the value is. The values have the type of the field.
        """
        from pyarrow import types

        kind = values.type
        if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
            yield from self._find_numbers(values)
        elif types.is_temporal(kind):
            yield from self._find_times(values)
        elif types.is_string(kind):
            yield from self._find_texts(values)
        if self._field.enum is not None:
            yield "enum", self._enum.find_others(values)

    def _find_numbers(self, values: Any) -> Iterator[tuple[str, Any]]:
        """Yield the numbers outside the range, infinite ones, and those off the step."""
        import pyarrow as pa
        from pyarrow import compute, types

        if types.is_floating(values.type):
            # The ends rule out infinite values at little cost, so most batches need no mask.
            ends = compute.min_max(values)
            if float("inf") in (ends["max"].as_py(), -(ends["min"].as_py() or 0.0)):
                yield "finite", compute.is_inf(values)
        yield from self._find_past_bounds(values)
        step = self._field.multiple_of
        if step:
            off = [value is not None and is_off_step(value, step) for value in values.to_pylist()]
            yield "multipleOf", pa.array(off, pa.bool_())

    def _find_times(self, values: Any) -> Iterator[tuple[str, Any]]:
        """Yield the dates and times outside the range."""
        import pyarrow as pa
        from pyarrow import types

        if types.is_timestamp(values.type):
            # Bounds are in UTC, and pyarrow compares no times with and without a zone.
            # Digits below a microsecond are cut off, as those of text are.
            values = values.cast(pa.timestamp("us", tz="UTC"), safe=False)
        yield from self._find_past_bounds(values)

    def _find_texts(self, values: Any) -> Iterator[tuple[str, Any]]:
        """Yield the text of another length, or that a pattern does not match."""
        from pyarrow import compute

        wanted = self._field
        if wanted.logical_type == "date":
            # ISO dates are compared as text: they sort as the days do.
            yield from self._find_past_bounds(values)
        elif wanted.logical_type == "time":
            for rule, bound in (("minimum", wanted.minimum), ("maximum", wanted.maximum)):
                if bound is not None:
                    self.unchecked[rule] = f"{rule} {bound} is not compared with times as text"
        if wanted.min_length is not None or wanted.max_length is not None:
            lengths = compute.utf8_length(values)
            if wanted.min_length is not None:
                yield "minLength", compute.less(lengths, wanted.min_length)
            if wanted.max_length is not None:
                yield "maxLength", compute.greater(lengths, wanted.max_length)
        if wanted.pattern and "pattern" not in self.unchecked:
            yield "pattern", compute.invert(compute.match_substring_regex(values, wanted.pattern))

    def _find_past_bounds(self, values: Any) -> Iterator[tuple[str, Any]]:
        """Yield the values below the minimum or above the maximum."""
        from pyarrow import compute

        wanted = self._field
        if wanted.minimum is not None:
            below = compute.less_equal if wanted.is_minimum_exclusive else compute.less
            yield from self._find_past("minimum", wanted.minimum, below, values)
        if wanted.maximum is not None:
            above = compute.greater_equal if wanted.is_maximum_exclusive else compute.greater
            yield from self._find_past("maximum", wanted.maximum, above, values)

    def _find_past(
        self, rule: str, limit: Value, is_past: Any, values: Any
    ) -> Iterator[tuple[str, Any]]:
        """Yield the values past a bound, if the most extreme value is."""
        import pyarrow as pa
        from pyarrow import compute

        # One comparison settles the usual batch, in which no value is past the bound.
        end = compute.min_max(values)["min" if rule == "minimum" else "max"]
        if not end.is_valid:
            return
        try:
            bound = _as_bound(limit, values.type)
            is_broken = is_past(end, bound).as_py()
        except (pa.ArrowException, ValueError, TypeError, OverflowError):
            name = name_type(self._field.logical_type)
            self.unchecked[rule] = f"{rule} {limit!r} does not compare with {name}"
            return
        if is_broken:
            yield rule, is_past(values, bound)


def find_number_rules(value: int | Decimal, wanted: Field) -> Iterator[str]:
    """Yield the rules that a number breaks which no type of Arrow holds exactly."""
    if wanted.enum is not None and value not in [
        # True equals 1 in Python, and is another value of a contract.
        each
        for each in wanted.enum
        if not isinstance(each, bool)
    ]:
        yield "enum"
    low: Any = wanted.minimum
    high: Any = wanted.maximum
    if _is_number(low) and (value < low or (wanted.is_minimum_exclusive and value == low)):
        yield "minimum"
    if _is_number(high) and (value > high or (wanted.is_maximum_exclusive and value == high)):
        yield "maximum"
    if wanted.multiple_of and is_off_step(value, wanted.multiple_of):
        yield "multipleOf"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def is_linear_pattern(pattern: str) -> bool:
    """Return whether RE2 takes a pattern, so that it needs linear time."""
    import pyarrow as pa
    from pyarrow import compute

    try:
        compute.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowException:
        return False
    return True


def is_off_step(value: float | Decimal, step: Decimal) -> bool:
    """Return whether a number is no multiple of a step."""
    # By its shortest text, 0.3 is a multiple of 0.1. Its binary value is not.
    number = Decimal(str(value))
    return number.is_finite() and bool(number % step)


def _as_bound(bound: Any, kind: Any) -> Any:
    """Return a bound as a value that compares with values of a type."""
    from pyarrow import types

    if types.is_timestamp(kind):
        from git_datmo.contracts.time_bounds import parse_timestamp

        return parse_timestamp(str(bound))
    if types.is_date(kind):
        from git_datmo.contracts.time_bounds import parse_date

        return parse_date(str(bound))
    if types.is_time(kind):
        from datetime import time

        return time.fromisoformat(str(bound))
    if types.is_floating(kind):
        return float(bound)
    return str(bound) if types.is_string(kind) else bound
