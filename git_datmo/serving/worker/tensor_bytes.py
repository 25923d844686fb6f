"""Convert between flat Python values and the bytes of a tensor. All bytes are little-endian.

Datatypes are those of the Open Inference Protocol. `JSON` is added for columns whose values have
several types or are missing: its bytes are a JSON list.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

FORMATS = {
    "BOOL": "?",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}
SIZES = {name: struct.calcsize("<" + code) for name, code in FORMATS.items()}
BYTES, JSON = "BYTES", "JSON"
INTEGERS = frozenset(name for name in FORMATS if "INT" in name)
FLOATS = frozenset({"FP16", "FP32", "FP64"})
# The length before each element of BYTES (Open Inference Protocol, binary tensor data).
_LENGTH = struct.Struct("<I")


def count_of(shape: Sequence[int]) -> int:
    """Return the number of elements of a shape."""
    count = 1
    for size in shape:
        count *= size
    return count


def pack_values(datatype: str, values: Sequence[Any]) -> bytes:
    """Return the bytes of flat values.

    Raises `ValueError` or `TypeError` if a value is not of the datatype.
    """
    if datatype == JSON:
        return json.dumps(list(values)).encode()
    if datatype == BYTES:
        texts = [value.encode() if isinstance(value, str) else bytes(value) for value in values]
        return b"".join(_LENGTH.pack(len(text)) + text for text in texts)
    try:
        return struct.pack(f"<{len(values)}{FORMATS[datatype]}", *values)
    except (struct.error, OverflowError) as error:
        raise ValueError(str(error)) from error


def unpack_values(datatype: str, data: bytes) -> list[Any]:
    """Return the flat values of a tensor's bytes. Texts that are not UTF-8 stay bytes.

    Raises `ValueError` if the bytes are not of the datatype.
    """
    if datatype == JSON:
        values = json.loads(data)
        if not isinstance(values, list):
            raise ValueError("not a list")
        return values
    if datatype == BYTES:
        return _texts(data)
    count, rest = divmod(len(data), SIZES[datatype])
    if rest:
        raise ValueError(f"the size is no multiple of {SIZES[datatype]} bytes")
    return list(struct.unpack(f"<{count}{FORMATS[datatype]}", data))


def _texts(data: bytes) -> list[Any]:
    """Return byte strings that each follow their length, decoded if they are UTF-8."""
    found: list[Any] = []
    index = 0
    while index < len(data):
        if index + 4 > len(data):
            raise ValueError("the last length is incomplete")
        (size,) = _LENGTH.unpack_from(data, index)
        text = data[index + 4 : index + 4 + size]
        if len(text) < size:
            raise ValueError("the last text is incomplete")
        try:
            found.append(text.decode())
        except UnicodeDecodeError:
            found.append(text)
        index += 4 + size
    return found


def nest(values: Sequence[Any], shape: Sequence[int]) -> Any:
    """Return flat values as nested lists of a shape."""
    if not shape:
        return values[0]
    if len(shape) == 1:
        return list(values)
    step = count_of(shape[1:])
    return [nest(values[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]


def flatten(nested: Any) -> tuple[tuple[int, ...], list[Any]]:
    """Return the shape and the flat values of nested lists; raise `ValueError` if rows differ."""
    shape: list[int] = []
    level = [nested]
    while level and isinstance(level[0], (list, tuple)):
        size = len(level[0])
        if any(not isinstance(each, (list, tuple)) or len(each) != size for each in level):
            raise ValueError("rows have different lengths")
        shape.append(size)
        level = [value for each in level for value in each]
    # The first value decides the depth, so a deeper one is found only now.
    if any(isinstance(value, (list, tuple)) for value in level):
        raise ValueError("rows have different depths")
    return tuple(shape), level


def datatype_of(values: Sequence[Any]) -> str:
    """Return the narrowest of BOOL, INT64, FP64, BYTES and JSON that holds all values."""
    # By `type`, so that True is no integer.
    kinds = {type(value) for value in values}
    if not kinds:
        return "FP64"
    if kinds == {bool}:
        return "BOOL"
    if kinds == {int} and all(-(1 << 63) <= value < 1 << 63 for value in values):
        return "INT64"
    if kinds <= {int, float}:
        return "FP64"
    return BYTES if kinds == {str} else JSON
