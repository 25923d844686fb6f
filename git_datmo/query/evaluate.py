"""Decide whether an experiment meets a condition, and sort experiments by their values.

A row maps full names to the values of one experiment. Numbers are compared as numbers, and texts by
their code points. A number never equals a text. No comparison with a missing value is true.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from git_datmo.errors import assert_never
from git_datmo.query.conditions import (
    Condition,
    Junction,
    Literal,
    Membership,
    Negation,
    Presence,
    ValueTest,
)
from git_datmo.query.tags import TAGS, split_tags
from git_datmo.records.record_values import Value, show_value

Row = Mapping[str, Value]

_NAMED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# Ids are compared by their beginning, as everywhere in git.
IDS = frozenset({"id", "commit", "tree", "code", "environment"})


def as_number(value: Value | None) -> int | float | None:
    """Return a value as a number, or None if it is not one.

    Records hold numbers that are not finite as the texts `NaN`, `Infinity` and `-Infinity`.
    """
    if isinstance(value, str):
        return _NAMED.get(value)
    return None if isinstance(value, bool) else value


def is_nan(value: object) -> bool:
    """Return True for the number NaN."""
    return isinstance(value, float) and math.isnan(value)


def matches(condition: Condition, row: Row) -> bool:
    """Return True if an experiment meets a condition, whose names are full."""
    match condition:
        case ValueTest():
            value = row.get(condition.name)
            if condition.name == TAGS and value is not None:
                return _compare_tags(condition.operator, str(value), condition.literal)
            return value is not None and _compare(
                condition.operator, value, condition.literal, is_id=condition.name in IDS
            )
        case Membership():
            tests = (ValueTest(condition.name, "=", each) for each in condition.literals)
            return any(matches(test, row) for test in tests)
        case Presence():
            value = row.get(condition.name)
            return value is not None and value is not False
        case Negation():
            return not matches(condition.condition, row)
        case Junction():
            decide = any if condition.any_of else all
            return decide(matches(each, row) for each in condition.conditions)
        case _:
            return assert_never(condition)


def _compare_tags(sign: str, tags: str, literal: Literal) -> bool:
    """Return True if one of the tags compares; for a negated operator, if none does."""
    plain = {"!=": "=", "!~": "~"}.get(sign, sign)
    found = any(_compare(plain, tag, literal, is_id=False) for tag in split_tags(tags))
    return found == (plain == sign)


def _compare(sign: str, value: Value, literal: Literal, *, is_id: bool) -> bool:
    """Return the result of a comparison with a value that is not missing."""
    if sign == "=":
        return _equal(value, literal, is_id=is_id)
    if sign == "!=":
        return not _equal(value, literal, is_id=is_id)
    if sign in ("~", "!~"):
        contains = literal.text.lower() in show_value(value).lower()
        return contains == (sign == "~")
    one, other = as_number(value), as_number(literal.value)
    if one is not None and other is not None:
        return _ORDER[sign](one, other)
    are_texts = isinstance(value, str) and isinstance(literal.value, str)
    return are_texts and _ORDER[sign](value, literal.value)


def _equal(value: Value, literal: Literal, *, is_id: bool) -> bool:
    """Return True for equal values; NaN equals NaN, and an id equals its beginning."""
    if is_id:
        return str(value).startswith(literal.text)
    if isinstance(value, bool) or isinstance(literal.value, bool):
        # In Python, `True == 1`. A boolean equals no number.
        return value is literal.value
    one, other = as_number(value), as_number(literal.value)
    if one is not None and other is not None:
        return one == other or (is_nan(one) and is_nan(other))
    return isinstance(value, str) and value == literal.text


def sort_key(value: Value | None, *, falling: bool) -> tuple[Any, ...]:
    """Return a key that sorts numbers before texts, and both before NaN and missing values."""
    number = as_number(value)
    if number is not None:
        return (2,) if is_nan(number) else (0, -number if falling else number)
    if value is None:
        return (3,)
    # The end sorts before every letter, so that a falling order has `ab` before `a`.
    letters = (*map(ord, str(value)), -1)
    return (1, tuple(-each for each in letters) if falling else letters)
