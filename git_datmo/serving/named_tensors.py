"""Hold the arrays of requests and answers, as bytes, and convert them from JSON and back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from git_datmo.serving.worker.tensor_bytes import (
    BYTES,
    FLOATS,
    INTEGERS,
    JSON,
    SIZES,
    count_of,
    datatype_of,
    flatten,
    nest,
    pack_values,
    unpack_values,
)

DATATYPES = (*SIZES, BYTES)


@dataclass(frozen=True, slots=True)
class RequestViolation:
    """A rule that a request or an answer breaks. `row` is counted from 0; None for all rows."""

    field: str
    row: int | None
    rule: str
    got: object

    def document(self) -> dict[str, object]:
        """Return the violation as a JSON object."""
        try:
            # The value is of the client or the model, and can be bytes or NaN.
            json.dumps(self.got, allow_nan=False)
        except (TypeError, ValueError):
            return {**self._place(), "got": str(self.got)}
        return {**self._place(), "got": self.got}

    def _place(self) -> dict[str, object]:
        return {"field": self.field, "row": self.row, "rule": self.rule}


@dataclass
class RefusedRequest(Exception):
    """Error of a request, with the status of its answer."""

    message: str
    violations: tuple[RequestViolation, ...] = ()
    status: int = 400
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NamedTensor:
    """An array with its name, datatype (Open Inference Protocol, or `JSON`) and shape."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: bytes

    @property
    def rows(self) -> int | None:
        """Return the length of the first dimension; None for a single value."""
        return self.shape[0] if self.shape else None

    def values(self) -> list[Any]:
        """Return the values of all elements."""
        return unpack_values(self.datatype, self.data)

    def nested(self) -> Any:
        """Return the values as nested lists that JSON can express."""
        return nest([_shown(value) for value in self.values()], self.shape)

    def slice_rows(self, start: int, stop: int) -> NamedTensor:
        """Return the rows from `start` up to `stop`."""
        shape = (stop - start, *self.shape[1:])
        step = count_of(self.shape[1:])
        if self.datatype in SIZES:
            size = step * SIZES[self.datatype]
            return NamedTensor(
                self.name, self.datatype, shape, self.data[start * size : stop * size]
            )
        # Texts and JSON values have no common size, so they are unpacked.
        values = self.values()[start * step : stop * step]
        return NamedTensor(self.name, self.datatype, shape, pack_values(self.datatype, values))


def _shown(value: object) -> object:
    """Return a value that JSON can express: texts that are not UTF-8 become Latin-1."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    # JSON has no name for numbers that are not finite.
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def require_size(tensor: NamedTensor) -> NamedTensor:
    """Return `tensor`; raise `RefusedRequest` if its bytes do not fill its shape."""
    count = count_of(tensor.shape)
    try:
        found = (
            len(tensor.data) / SIZES[tensor.datatype]
            if tensor.datatype in SIZES
            else len(tensor.values())
        )
    except ValueError as error:
        raise refused(tensor.name, "datatype", str(error)) from error
    # As in `tensor_of_json`: a shape without elements could name billions of rows.
    if found != count or any(size < 0 for size in tensor.shape) or 0 in tensor.shape[1:]:
        raise refused(tensor.name, "shape", list(tensor.shape))
    return tensor


def tensor_of_json(name: str, datatype: str, nested: object, shape: object = None) -> NamedTensor:
    """Return the tensor of nested or flat lists; '' as datatype chooses the narrowest.

    Raises `RefusedRequest` if a value is not of the datatype, or does not fill `shape`.
    """
    try:
        found, flat = flatten(nested)
    except ValueError as error:
        raise refused(name, "shape", str(error)) from error
    if shape is not None:
        found = _parse_shape(name, shape)
        # An array without elements could otherwise name billions of rows.
        if count_of(found) != len(flat) or 0 in found[1:]:
            raise refused(name, "shape", list(found))
    chosen = datatype or datatype_of(flat)
    if None in flat and all(isinstance(v, (int, float)) or v is None for v in flat):
        chosen, flat = _with_missing(datatype, flat)
    _require_kind(name, chosen, flat, found)
    _require_finite(name, chosen, flat, found)
    try:
        return NamedTensor(name, chosen, found, pack_values(chosen, flat))
    except (TypeError, ValueError) as error:
        raise refused(name, "datatype", chosen) from error


def _with_missing(datatype: str, flat: Sequence[Any]) -> tuple[str, list[Any]]:
    """Return numbers of which some are missing: as not a number, or else as a JSON column."""
    if datatype in FLOATS or (not datatype and bool not in {type(v) for v in flat}):
        return datatype or "FP64", [float("nan") if v is None else v for v in flat]
    return JSON, list(flat)


def _require_kind(name: str, datatype: str, flat: Sequence[Any], shape: tuple[int, ...]) -> None:
    """Raise `RefusedRequest` for the first value that is not of the datatype."""
    if datatype == JSON:
        return
    kinds: tuple[type, ...] = (str, bytes)
    if datatype == "BOOL":
        kinds = (bool,)
    elif datatype in INTEGERS:
        kinds = (int,)
    elif datatype in FLOATS:
        kinds = (int, float)
    step = count_of(shape[1:]) or 1
    for index, value in enumerate(flat):
        # A Python bool is an int, but no number of the protocol.
        if not isinstance(value, kinds) or (kinds != (bool,) and isinstance(value, bool)):
            row = index // step if shape else None
            raise RefusedRequest(
                f"'{name}' is not of datatype {datatype}",
                (RequestViolation(name, row, "datatype", value),),
            )


def _require_finite(name: str, datatype: str, flat: Sequence[Any], shape: tuple[int, ...]) -> None:
    """Raise `RefusedRequest` for the first infinite number, which JSON and CSV do not have.

    A text as 1e999 becomes one, and few models accept it.
    """
    if datatype not in FLOATS or not (math.inf in flat or -math.inf in flat):
        return
    index = next(index for index, value in enumerate(flat) if math.isinf(value))
    row = index // (count_of(shape[1:]) or 1) if shape else None
    raise RefusedRequest(
        f"'{name}' has an infinite number", (RequestViolation(name, row, "finite", None),)
    )


def _parse_shape(name: str, shape: object) -> tuple[int, ...]:
    """Return a shape; raise `RefusedRequest` if it is no list of lengths."""
    if not isinstance(shape, list) or any(
        not isinstance(size, int) or isinstance(size, bool) or size < 0 for size in shape
    ):
        raise refused(name, "shape", shape)
    return tuple(shape)


def refused(name: str, rule: str, got: object, row: int | None = None) -> RefusedRequest:
    """Return the error of a request with one violation."""
    where = f" of '{name}'" if name else ""
    return RefusedRequest(
        f"the {rule}{where} is not accepted", (RequestViolation(name, row, rule, got),)
    )
