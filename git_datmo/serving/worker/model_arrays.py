"""Convert tensors to the arrays that a model gets, and the result of a model to tensors.

The arrays are of NumPy where the environment has it, else nested lists.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from git_datmo.serving.worker.tensor_bytes import (
    BYTES,
    JSON,
    datatype_of,
    flatten,
    nest,
    pack_values,
    unpack_values,
)

DTYPES = {
    "BOOL": "?",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
_DATATYPES = {dtype.lstrip("<"): name for name, dtype in DTYPES.items()}

if TYPE_CHECKING:
    # A tensor to send: its entry in the header of a frame, and its bytes.
    Sent = tuple[dict[str, Any], bytes]


def find_module(name: str) -> Any:
    """Return a module of this environment, or None."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def arrays_of(tensors: Sequence[dict[str, Any]], body: bytes, numpy: Any) -> dict[str, Any]:
    """Return the arrays of a frame by name."""
    found, index = {}, 0
    for tensor in tensors:
        data = body[index : index + tensor["size"]]
        index += tensor["size"]
        found[tensor["name"]] = _array(tensor["datatype"], tensor["shape"], data, numpy)
    return found


def _array(datatype: str, shape: Sequence[int], data: bytes, numpy: Any) -> Any:
    if numpy is None:
        return nest(unpack_values(datatype, data), shape)
    if datatype in DTYPES:
        # A copy, since models may write into their input.
        return numpy.frombuffer(data, dtype=DTYPES[datatype]).reshape(shape).copy()
    array = numpy.empty(len(values := unpack_values(datatype, data)), dtype=object)
    array[:] = values
    return array.reshape(shape)


def tensors_of(result: Any, names: Sequence[str], numpy: Any) -> list[Sent]:
    """Return the result of a model as tensors.

    `names` are those of the contract. A result without a name gets the single one of them, or
    `output`. Raises `ValueError` if the result is no array.
    """
    # A data frame, known by its form, since importing pandas would take long.
    if hasattr(result, "columns") and hasattr(result, "to_numpy"):
        result = {str(name): result[name] for name in result.columns}
    if not isinstance(result, dict):
        result = {names[0] if len(names) == 1 else "output": result}
    if not result:
        raise ValueError("predict returned nothing")
    return [_sent(str(name), value, numpy) for name, value in result.items()]


def _sent(name: str, value: Any, numpy: Any) -> Sent:
    # A tensor of PyTorch, which may be on a GPU or have a gradient.
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    if numpy is not None and hasattr(value, "__array__"):
        value = numpy.asarray(value)
    if numpy is not None and isinstance(value, numpy.ndarray):
        # NumPy's name of bool is `|b1`; `=` and `>` are byte orders.
        datatype = _DATATYPES.get(value.dtype.str.lstrip("<|=>").replace("b1", "?"))
        if datatype is not None:
            little = numpy.ascontiguousarray(value, dtype=DTYPES[datatype])
            return _described(name, datatype, value.shape, little.tobytes())
        shape, flat = value.shape, value.reshape(-1).tolist()
    else:
        if hasattr(value, "tolist"):
            value = value.tolist()
        shape, flat = _flat(name, value)
    if any(isinstance(each, bytes) for each in flat):
        return _described(name, BYTES, shape, pack_values(BYTES, flat))
    datatype = datatype_of(flat)
    if datatype == JSON:
        try:
            return _described(name, JSON, shape, json.dumps(flat).encode())
        except TypeError as error:
            raise ValueError(f"predict returned {error} in '{name}'") from error
    return _described(name, datatype, shape, pack_values(datatype, flat))


def _flat(name: str, value: Any) -> tuple[tuple[int, ...], list[Any]]:
    """Return shape and flat values of a list, or of a single value as a list of it."""
    try:
        return flatten(value if isinstance(value, (list, tuple)) else [value])
    except ValueError as error:
        raise ValueError(f"predict returned no array in '{name}': {error}") from error


def _described(name: str, datatype: str, shape: Sequence[int], data: bytes) -> Sent:
    entry = {"name": name, "datatype": datatype, "shape": list(shape), "size": len(data)}
    return entry, data
