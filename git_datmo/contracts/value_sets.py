"""The set of values that a field allows: membership, bounds and intervals."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from git_datmo.contracts.contract_types import Field, Value
from git_datmo.contracts.safe_patterns import search
from git_datmo.contracts.value_kinds import Family, Kind, kind_of, whole_range

Comparable = Any
"""A number, or a date, time or timestamp. Those of one family can be compared."""


@dataclass(frozen=True, slots=True)
class Interval:
    """The values between two bounds; None is unbounded."""

    lower: Comparable = None
    upper: Comparable = None
    is_lower_exclusive: bool = False
    is_upper_exclusive: bool = False

    def holds(self, value: Comparable) -> bool:
        """Return whether a value is between the bounds."""
        if self.lower is not None and (
            value < self.lower or (self.is_lower_exclusive and value == self.lower)
        ):
            return False
        return self.upper is None or not (
            value > self.upper or (self.is_upper_exclusive and value == self.upper)
        )

    def includes(self, inner: Interval) -> bool:
        """Return whether each value of another interval is in this one."""
        return _reaches(
            self.lower, inner.lower, is_open=self.is_lower_exclusive, same=inner.is_lower_exclusive
        ) and _reaches(
            self.upper,
            inner.upper,
            is_open=self.is_upper_exclusive,
            same=inner.is_upper_exclusive,
            is_upper=True,
        )

    def __str__(self) -> str:
        low = "" if self.lower is None else f"{'>' if self.is_lower_exclusive else '>='} "
        high = "" if self.upper is None else f"{'<' if self.is_upper_exclusive else '<='} "
        parts = [
            f"{mark}{bound}" for mark, bound in ((low, self.lower), (high, self.upper)) if mark
        ]
        return " and ".join(parts) or "any value"


def _reaches(
    outer: Comparable, inner: Comparable, *, is_open: bool, same: bool, is_upper: bool = False
) -> bool:
    """Return whether an outer bound is at or beyond an inner one."""
    if outer is None:
        return True
    if inner is None:
        return False
    if outer == inner:
        # An exclusive bound reaches the same value only if the inner bound is exclusive too.
        return not is_open or same
    return bool(outer > inner) if is_upper else bool(outer < inner)


class NotComparable(ValueError):
    """A bound that is not a value of its field's family, or of another time zone's form."""


def comparable(value: Value, family: Family) -> Comparable:
    """Return a value that compares with others of a family; raise `NotComparable`."""
    if family in ("integer", "number"):
        return _number(value)
    if family in ("date", "timestamp", "time") and isinstance(value, str):
        try:
            return _moment(value, family)
        except ValueError as error:
            raise NotComparable(f"'{value}' is not an ISO {family}") from error
    raise NotComparable(f"{value!r} is no bound of a {family or 'value of unknown type'}")


def _number(value: Value) -> int | Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise NotComparable(f"{value!r} is not a number")
    number = Decimal(value)
    if not number.is_finite():
        raise NotComparable(f"{value!r} is not finite")
    # Whole numbers stay exact and compare faster. The exponent bounds the time of `int`.
    return int(number) if number.adjusted() < 40 and number == number.to_integral() else number


def _moment(text: str, family: Family) -> Comparable:
    if family == "date":
        return date.fromisoformat(text)
    if text.endswith(("Z", "z")):
        # Python 3.10 reads no `Z`.
        text = f"{text[:-1]}+00:00"
    # Python refuses to compare moments with and without a zone, by `TypeError`.
    return time.fromisoformat(text) if family == "time" else datetime.fromisoformat(text)


def interval_of(field: Field) -> Interval:
    """Return the bounds that a field declares; raise `NotComparable` if one has no order."""
    family = kind_of(field).family
    lower = None if field.minimum is None else comparable(field.minimum, family)
    upper = None if field.maximum is None else comparable(field.maximum, family)
    if family == "integer":
        return _whole_interval(field, lower, upper)
    # An exclusive bound that is not there bounds nothing.
    return Interval(
        lower,
        upper,
        field.is_minimum_exclusive and lower is not None,
        field.is_maximum_exclusive and upper is not None,
    )


def _whole_interval(
    field: Field, lower: int | Decimal | None, upper: int | Decimal | None
) -> Interval:
    """Return the bounds of whole numbers as inclusive ones: above 0 is from 1 on."""
    if lower is not None:
        low = math.ceil(lower)
        lower = low + 1 if field.is_minimum_exclusive and low == lower else low
    if upper is not None:
        high = math.floor(upper)
        upper = high - 1 if field.is_maximum_exclusive and high == upper else high
    return Interval(lower, upper)


def narrowed(declared: Interval, kind: Kind) -> Interval:
    """Return declared bounds within the range of an integer's width; 64 bits if it has none."""
    if kind.family != "integer":
        return declared
    lowest, highest = whole_range(kind) or whole_range(Kind("integer", 64)) or (0, 0)
    lower, is_low = declared.lower, declared.is_lower_exclusive
    upper, is_high = declared.upper, declared.is_upper_exclusive
    if lower is None or lower < lowest:
        lower, is_low = lowest, False
    if upper is None or upper > highest:
        upper, is_high = highest, False
    return Interval(lower, upper, is_low, is_high)


def allows(field: Field, value: Any) -> bool:
    """Return whether a field allows a value, which may be a list or mapping.

    A pattern that only RE2 can match is taken to allow it.
    """
    if value is None:
        return not field.is_required
    if not _is_of_kind(value, kind_of(field)):
        return False
    if isinstance(value, list):
        count = Interval(field.min_items, field.max_items)
        items = field.items
        return count.holds(len(value)) and (
            items is None or all(allows(items, item) for item in value)
        )
    if isinstance(value, Mapping):
        return all(_allows_child(child, value) for child in field.fields)
    return _allows_scalar(field, value)


def _allows_child(child: Field, row: Mapping[str, Any]) -> bool:
    if child.name not in row:
        return child.is_optional
    return allows(child, row[child.name])


def _allows_scalar(field: Field, value: Value) -> bool:
    if field.enum is not None and not is_among(value, field.enum):
        return False
    if isinstance(value, str):
        if not Interval(field.min_length, field.max_length).holds(len(value)):
            return False
        if field.pattern and search(field.pattern, value) is False:
            return False
    try:
        family = kind_of(field).family
        if (field.minimum is not None or field.maximum is not None) and not interval_of(
            field
        ).holds(comparable(value, family)):
            return False
        return field.multiple_of is None or _is_multiple(value, field.multiple_of)
    except (NotComparable, TypeError):
        return False


def _is_multiple(value: Value, unit: Decimal) -> bool:
    return Decimal(_number(value)) % unit == 0


def is_among(value: Value, values: tuple[Value, ...]) -> bool:
    """Return whether an enum has a value. True and 1 are two values; 1 and 1.0 are the same."""
    return any(
        isinstance(value, bool) == isinstance(other, bool) and value == other for other in values
    )


def _is_of_kind(value: Any, kind: Kind) -> bool:
    """Return whether a value has the type of a kind, and fits its width."""
    if not kind.family:
        return True
    if kind.family == "boolean":
        return isinstance(value, bool)
    if kind.family == "array":
        return isinstance(value, list)
    if kind.family == "object":
        return isinstance(value, Mapping)
    if kind.family not in ("integer", "number"):
        return isinstance(value, str) and _is_moment(value, kind.family)
    try:
        number = _number(value)
    except NotComparable:
        return False
    if kind.family == "integer" or isinstance(number, int):
        bounds = whole_range(kind)
        return isinstance(number, int) and (bounds is None or bounds[0] <= number <= bounds[1])
    return True


def _is_moment(text: str, family: Family) -> bool:
    if family == "string":
        return True
    try:
        comparable(text, family)
    except NotComparable:
        return False
    return True


def longest_text(field: Field) -> int | None:
    """Return the length that a field's texts have at most, by its rules or a type like
    `varchar(18)`."""
    sized = re.search(r"char\w*\s*\((\d{1,9})\)", field.physical_type.lower())
    if sized is None:
        return field.max_length
    return min(int(sized[1]), field.max_length or int(sized[1]))
