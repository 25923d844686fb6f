"""Read a TensorProto that holds a single number."""

from __future__ import annotations

import struct

from git_datmo.readers.protobuf_fields import Field, fields, signed, varint

DTYPE, SHAPE, CONTENT = 1, 2, 4
# Types by number (tensorflow/core/framework/types.proto) with their form in `tensor_content`.
_FORMS = {1: "<f", 2: "<d", 3: "<i", 4: "B", 5: "<h", 6: "b", 9: "<q", 10: "?", 17: "<H", 19: "<e"}
_FORMS |= {22: "<I", 23: "<Q"}
_BFLOAT16, _HALF = 14, 19
# Fields that hold numbers of a type: float, double, integers of all sizes, booleans, halves.
_FLOATS = {5: "<f", 6: "<d"}
_WHOLE = frozenset({7, 10, 11, 16, 17})
_HALVES = 13


def tensor_scalar(tensor: bytes) -> float | None:
    """Return the number of a tensor with one element; None for any other tensor."""
    found = dict(fields(tensor))
    dtype, shape = found.get(DTYPE, 0), found.get(SHAPE, b"")
    if not isinstance(dtype, int) or not isinstance(shape, bytes) or not _is_single(shape):
        return None
    content = found.get(CONTENT)
    if isinstance(content, bytes) and content:
        return _packed(dtype, content)
    for number, value in found.items():
        if number in _FLOATS:
            return _unpacked(_FLOATS[number], value)
        if number in _WHOLE or number == _HALVES:
            whole = _whole(value)
            return _half(dtype, whole) if number == _HALVES and whole is not None else whole
    return None


def _is_single(shape: bytes) -> bool:
    """Return True for a shape without dimensions, or with dimensions of 1 alone."""
    for number, dimension in fields(shape):
        if number == 2 and isinstance(dimension, bytes) and dict(fields(dimension)).get(1) != 1:
            return False
    return True


def _packed(dtype: int, content: bytes) -> float | None:
    """Return the number in the bytes of a tensor."""
    if dtype == _BFLOAT16 and len(content) == 2:
        return _half(dtype, int.from_bytes(content, "little"))
    form = _FORMS.get(dtype)
    return _unpacked(form, content) if form else None


def _unpacked(form: str, content: Field) -> float | None:
    """Return the one number of a form in some bytes."""
    if not isinstance(content, bytes) or len(content) != struct.calcsize(form):
        return None
    return float(struct.unpack(form, content)[0])


def _whole(value: Field) -> float | None:
    """Return the one integer of a field, packed or not."""
    if isinstance(value, int):
        return float(signed(value))
    number, end = varint(value, 0) if value else (0, -1)
    return float(signed(number)) if end == len(value) else None


def _half(dtype: int, bits: float) -> float | None:
    """Return the number that 16 bits stand for."""
    two = int(bits).to_bytes(2, "little")
    # A bfloat16 is the upper half of a float of 32 bits.
    return _unpacked("<f", b"\0\0" + two) if dtype == _BFLOAT16 else _unpacked("<e", two)
