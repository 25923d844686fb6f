"""Turn texts and documents into named scalars."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone

from git_datmo.readers.tool_runs import Scalar, microseconds

_SPELLED = {"nan": math.nan, "inf": math.inf, "infinity": math.inf}
# Numbers of this size are milliseconds since 1970, not seconds.
_MILLISECONDS = 1e11
# No floating point number can hold an integer of this size. Its digits are kept as text.
_INFINITE = 1 << 1023
# Smaller numbers are durations. The first times that count are of 1973.
_DURATION = 1e8


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


def flatten(prefix: str, value: object) -> Iterator[tuple[str, Scalar]]:
    """Yield the name and value of each scalar in nested objects and lists.

    The name is the path of the scalar, joined by dots.
    """
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from flatten(f"{prefix}.{name}" if prefix else str(name), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from flatten(f"{prefix}.{index}", item)
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _INFINITE:
        yield prefix, str(value)
    elif isinstance(value, bool | int | float | str):
        yield prefix, value


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
