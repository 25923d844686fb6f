"""Convert columns of text to the types that a contract declares, without losing a spelling."""

from __future__ import annotations

from typing import Any

# A number that readers would change when they read it is text: `001`, `+49`, `0x1F`.
INTEGER = r"^-?(0|[1-9][0-9]*)$"
NUMBER = r"^-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$|^-?(inf|Inf|Infinity|nan)$"
DATE = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
TIME = f"^{_CLOCK}$"
TIMESTAMP = rf"^[0-9]{{4}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[T ]{_CLOCK}$"
BOOLEANS = ("true", "false", "True", "False", "TRUE", "FALSE")
TEXT_TYPES = ("boolean", "integer", "number", "date", "timestamp", "time")
_ZERO, _NINE, _MINUS, _PLUS, _HEX = ord("0"), ord("9"), ord("-"), ord("+"), (ord("x"), ord("X"))


def convert_text(array: Any, logical_type: str) -> tuple[Any, Any]:
    """Convert text to a logical type.

    Return the values, and a mask of the rows with other text; None if there is none. Those rows
    are null in the values. Integers of more than 64 bits come as a list of Python values. Dates
    and times stay text; timestamps become times in UTC.
    """
    if logical_type == "integer":
        return _to_integers(array)
    if logical_type == "number":
        return _to_numbers(array)
    if logical_type == "timestamp":
        return _to_timestamps(array)
    wrong = find_wrong_text(array, logical_type)
    return _without(array, wrong), wrong


def find_wrong_text(array: Any, logical_type: str) -> Any:
    """Return a mask of the values that are no text of a logical type; None if there is none."""
    import pyarrow as pa
    from pyarrow import compute

    if logical_type == "boolean":
        right = compute.is_in(array, value_set=pa.array(BOOLEANS))
        right = compute.or_(right, compute.is_null(array))
    else:
        patterns = {
            "integer": INTEGER,
            "number": NUMBER,
            "date": DATE,
            "time": TIME,
            "timestamp": TIMESTAMP,
        }
        if logical_type not in patterns:
            return None
        if logical_type == "date" and _are_days(array):
            return None
        right = compute.match_substring_regex(array, patterns[logical_type])
        right = compute.fill_null(right, True)
        if logical_type in ("date", "timestamp"):
            right = _without_impossible_days(array, right)
    return None if compute.all(right).as_py() in (True, None) else compute.invert(right)


def find_odd_numbers(array: Any) -> Any:
    """Return a NumPy mask of numbers that their type would not spell so, such as `001` or `+1`."""
    import numpy as np
    import pyarrow as pa

    size = len(array)
    _, offsets_buffer, data_buffer = array.buffers()
    if data_buffer is None or not data_buffer.size or not size:
        return np.zeros(size, bool)
    width = np.int64 if pa.types.is_large_string(array.type) else np.int32
    offsets = np.frombuffer(offsets_buffer, width)[array.offset : array.offset + size + 1]
    data = np.frombuffer(data_buffer, np.uint8)
    starts, lengths = offsets[:-1], np.diff(offsets)
    # An empty text at the end starts past the last byte.
    last = len(data) - 1
    first = data[np.minimum(starts, last)]
    is_signed = first == _MINUS
    head = np.where(is_signed, data[np.minimum(starts + 1, last)], first)
    has_next = lengths > 1 + is_signed
    after = data[np.minimum(starts + is_signed + 1, last)]
    is_digit = (after >= _ZERO) & (after <= _NINE) | np.isin(after, _HEX)
    return ((head == _ZERO) & has_next & is_digit) | ((first == _PLUS) & (lengths > 0))


def _to_integers(array: Any) -> tuple[Any, Any]:
    """Convert text to integers of 64 bits, or to a list of longer ones."""
    import pyarrow as pa
    from pyarrow import compute

    try:
        # The cast is quick. Values are looked at one by one only if it refuses one.
        values = array.cast(pa.int64())
    except pa.ArrowInvalid:
        wrong = find_wrong_text(array, "integer")
        right = _without(array, wrong)
        try:
            return right.cast(pa.int64()), wrong
        except pa.ArrowInvalid:
            return [_parse_integer(text) for text in right.to_pylist()], wrong
    # pyarrow reads `001` and `0x1F` as numbers, and their spelling would be lost.
    odd = find_odd_numbers(array)
    if not odd.any():
        return values, None
    wrong = compute.and_(pa.array(odd), compute.is_valid(array))
    return (_without(values, wrong), wrong) if compute.any(wrong).as_py() else (values, None)


def _parse_integer(text: str | None) -> int | str | None:
    """Return the number of a text; the text itself if it has thousands of digits."""
    # By default, Python converts no text of more than 4,300 digits.
    if text is None or len(text) > 4000:
        return text
    return int(text)


def _to_numbers(array: Any) -> tuple[Any, Any]:
    """Convert text to floating-point numbers."""
    import pyarrow as pa
    from pyarrow import compute

    try:
        values = array.cast(pa.float64())
    except pa.ArrowInvalid:
        wrong = find_wrong_text(array, "number")
        return _without(array, wrong).cast(pa.float64()), wrong
    odd = find_odd_numbers(array)
    if not odd.any():
        return values, None
    wrong = compute.and_(pa.array(odd), compute.is_valid(array))
    return (_without(values, wrong), wrong) if compute.any(wrong).as_py() else (values, None)


def _to_timestamps(array: Any) -> tuple[Any, Any]:
    """Convert text to times in UTC; a timestamp without a zone counts as one in UTC."""
    import pyarrow as pa
    from pyarrow import compute

    utc = pa.timestamp("us", tz="UTC")
    for kind in (pa.timestamp("us"), utc):
        try:
            return array.cast(kind).cast(utc), None
        except pa.ArrowInvalid:
            continue
    wrong = find_wrong_text(array, "timestamp")
    right = _without(array, wrong)
    # Only microseconds count for order; further digits are cut off.
    short = compute.replace_substring_regex(right, r"([.][0-9]{6})[0-9]+", r"\1")
    zoned = compute.match_substring_regex(short, r"(Z|[+-][0-9]{2}:?[0-9]{2})$")
    full = compute.if_else(zoned, short, compute.binary_join_element_wise(short, "Z", ""))
    try:
        return full.cast(utc), wrong
    except pa.ArrowInvalid:
        return pa.nulls(len(array), utc), wrong


def _without_impossible_days(array: Any, right: Any) -> Any:
    """Return the mask `right` without days such as 30 February."""
    import pyarrow as pa
    from pyarrow import compute

    days = compute.utf8_slice_codeunits(compute.if_else(right, array, None), 0, 10)
    try:
        days.cast(pa.date32())
    except pa.ArrowInvalid:
        possible = [day is None or _is_day(day) for day in days.to_pylist()]
        return compute.and_(right, pa.array(possible))
    return right


def _are_days(array: Any) -> bool:
    """Return whether all values are days; much quicker than a pattern."""
    import pyarrow as pa

    try:
        array.cast(pa.date32())
    except pa.ArrowInvalid:
        return False
    return True


def _is_day(text: str) -> bool:
    """Return whether the calendar has a day."""
    from datetime import date

    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _without(array: Any, wrong: Any) -> Any:
    """Return an array whose rows in the mask `wrong` are null."""
    from pyarrow import compute

    return array if wrong is None else compute.if_else(compute.invert(wrong), array, None)
