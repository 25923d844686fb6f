"""Turn texts and documents into named scalars."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone

from git_datmo.errors import Damaged
from git_datmo.readers.tool_runs import Scalar, microseconds

_SPELLED = {"nan": math.nan, "inf": math.inf, "infinity": math.inf}
# Numbers of this size are milliseconds since 1970, not seconds.
_MILLISECONDS = 1e11
# No floating point number can hold an integer of this size. Its digits are kept as text.
_INFINITE = 1 << 1023
# Smaller numbers are durations. The first times that count are of 1973.
_DURATION = 1e8
# Characters that the names of one document may have in all, with some for each value. In YAML, a
# few lines of aliases can stand for millions of values.
_NAMES_LIMIT = 16 << 20
_VALUE_COST = 8


def parse_value(text: str) -> Scalar:
    """Return the number or boolean (`true`, `false`) that a text stands for, else the text."""
    if text in ("true", "false"):
        return text == "true"
    for number in (int, float):
        try:
            # Python's parsers accept `1_000` and surrounding blanks. In a parameter these mean
            # text.
            value = number(text) if "_" not in text and text == text.strip() else text
            float(value)  # an integer beyond the range of a float stays text
        except (ValueError, OverflowError):
            continue
        return value
    return text


def parse_json(text: str | bytes) -> object:
    """Parse JSON; raise `ValueError` if it is invalid.

    Integers beyond the range of a float become texts.
    """
    try:
        return json.loads(text, parse_int=_whole_number)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _whole_number(text: str) -> Scalar:
    """Return an integer; its digits as text if it is beyond the range of a float."""
    return int(text) if math.isfinite(float(text)) else text


def flatten(prefix: str, value: object) -> Iterator[tuple[str, Scalar]]:
    """Yield the name and value of each scalar in nested objects and lists.

    The name is the path of the scalar, joined by dots. Raises `Damaged` if there are too many
    values, or if their names are too long.
    """
    room = _NAMES_LIMIT
    # Objects that are begun. Python's recursion would not reach the end of a deep document.
    begun: list[Iterator[tuple[str, object]]] = [iter([(prefix, value)])]
    while begun:
        found = next(begun[-1], None)
        if found is None:
            begun.pop()
            continue
        name, item = found
        room -= len(name) + _VALUE_COST
        if room < 0:
            raise Damaged("it has too many values, or too long names")
        if isinstance(item, Mapping | list):
            begun.append(_children(name, item))
        elif isinstance(item, bool | int | float | str):
            yield name, _bounded(item)


def _children(
    prefix: str, value: Mapping[object, object] | list[object]
) -> Iterator[tuple[str, object]]:
    """Yield the name and value of each item of an object or a list."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield f"{prefix}.{index}", item
        return
    for key, item in value.items():
        name = _shown(key) if isinstance(key, int) else str(key)
        yield f"{prefix}.{name}" if prefix else name, item


def _bounded(value: Scalar) -> Scalar:
    """Return a value; an integer that no float can hold as text."""
    is_huge = type(value) is int and abs(value) >= _INFINITE
    return _shown(value) if is_huge and isinstance(value, int) else value


def _shown(value: int) -> str:
    """Return an integer as text. Python refuses to write very large ones as decimals."""
    try:
        return str(value)
    except ValueError:
        return hex(value)


def as_number(value: object) -> float | None:
    """Return a number, or a text that names one that JSON does not have; None for anything else."""
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return None
    if isinstance(value, str):
        sign = -1.0 if value.startswith("-") else 1.0
        spelled = _SPELLED.get(value.lstrip("+-").lower())
        return None if spelled is None else sign * spelled
    return None


def as_time(value: object) -> int:
    """Return a time in microseconds: of seconds or milliseconds since 1970, or of ISO text.

    Returns 0 if it is none of these. ISO text without a zone is UTC.
    """
    if isinstance(value, str):
        try:
            # Python 3.10 does not parse `Z`.
            parsed = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            return 0
        zoned = parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)
        return microseconds(zoned.timestamp())
    number = as_number(value)
    if number is None or not number >= _DURATION:
        return 0
    return microseconds(number / 1000 if number > _MILLISECONDS else number)
