"""Read the signature of a model from its file, without running or unpickling anything.

ONNX files and MLmodel files state inputs and outputs. A pickle states nothing that is safe to read.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from typing import Any

from git_datmo.contracts.contract_types import Field, Port, Table, Tensor
from git_datmo.contracts.conversions.mlmodel_signature import read_tables
from git_datmo.contracts.table_readers.table_batches import UnreadableTable
from git_datmo.errors import DatmoError
from git_datmo.readers.protobuf_fields import fields, signed
from git_datmo.readers.yaml_documents import read_yaml

PICKLED = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin", ".ckpt")
LARGEST_MLMODEL = 1 << 20
# Numbers of ONNX's TensorProto.DataType, and their names in the Open Inference Protocol.
_ONNX_TYPES = {
    1: "FP32",
    2: "UINT8",
    3: "INT8",
    4: "UINT16",
    5: "INT16",
    6: "INT32",
    7: "INT64",
    8: "BYTES",
    9: "BOOL",
    10: "FP16",
    11: "FP64",
    12: "UINT32",
    13: "UINT64",
    16: "BF16",
}


def is_model(path: str) -> bool:
    """Return whether a path is a model, by its suffix or the MLmodel file in its folder."""
    if os.path.isdir(path):
        return os.path.isfile(os.path.join(path, "MLmodel"))
    suffix = os.path.splitext(path)[1].lower()
    return suffix == ".onnx" or suffix in PICKLED or os.path.basename(path) == "MLmodel"


def read_signature(path: str, shown: str) -> tuple[Table, ...]:
    """Return the input and output tables of a model; raise `UnreadableTable` if it states none."""
    if os.path.isdir(path):
        return _read_mlmodel(os.path.join(path, "MLmodel"), f"{shown}/MLmodel")
    if os.path.basename(path) == "MLmodel":
        return _read_mlmodel(path, shown)
    if path.lower().endswith(".onnx"):
        return _read_onnx(path, shown)
    raise UnreadableTable(
        f"'{shown}' may run code when it is loaded, so its signature is not read",
        "export the model to ONNX (skl2onnx does so for scikit-learn), save it with MLflow and a "
        "signature, or write the contract with 'datmo.port: input' and 'output' yourself",
    )


def _read_onnx(path: str, shown: str) -> tuple[Table, ...]:
    """Return the tables of an ONNX file. Its weights are skipped, and stay on disk."""
    # An empty file cannot be mapped into memory.
    if not os.path.getsize(path):
        raise UnreadableTable(f"'{shown}' is empty")
    with (
        open(path, "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        memoryview(content) as view,
    ):
        try:
            tables = _read_graph(view)
        except (DatmoError, ValueError, TypeError, IndexError, OverflowError):
            tables = ()
    if not tables:
        raise UnreadableTable(f"'{shown}' is not a readable ONNX model with inputs and outputs")
    return tables


def _read_graph(model: memoryview) -> tuple[Table, ...]:
    """Return the tables of a model's graph; none without inputs or outputs."""
    inputs: list[Field] = []
    outputs: list[Field] = []
    weights: set[str] = set()
    # Numbers of onnx.proto: 7 is the graph of a ModelProto. Of a GraphProto, 5 are the
    # initializers, 11 the inputs and 12 the outputs.
    graph = _first(model, 7)
    for number, value in _parts(graph) if graph is not None else ():
        if number == 5:
            weights.add(_text(value, 8))
        elif number == 11:
            inputs.append(_read_value(value))
        elif number == 12:
            outputs.append(_read_value(value))
    # Older exporters list weights among the inputs.
    given = tuple(field for field in inputs if field.name not in weights)
    if not given or not outputs:
        return ()
    return _make_table("input", given), _make_table("output", tuple(outputs))


def _read_value(value: memoryview) -> Field:
    """Return an input or output of a graph, of which a tensor's type and shape are known."""
    # ValueInfoProto has its name in 1 and its type in 2; a TypeProto has a tensor in 1.
    # A tensor has its element type in 1 and its shape in 2.
    kind = _first(value, 2)
    tensor_type = _first(kind, 1) if kind is not None else None
    name = _text(value, 1)
    if tensor_type is None:
        return Field(name)
    datatype = ""
    shape: list[int] = []
    for number, part in _fields(tensor_type):
        if number == 1 and isinstance(part, int):
            datatype = _ONNX_TYPES.get(part, "")
        elif number == 2 and not isinstance(part, int):
            shape = [_read_dimension(each) for n, each in _parts(part) if n == 1]
    return _make_field(name, datatype, shape)


def _read_dimension(dimension: memoryview) -> int:
    """Return the length of a dimension; -1 for one that has a name, or nothing."""
    for number, part in _fields(dimension):
        if number == 1 and isinstance(part, int):
            return max(signed(part), -1)
    return -1


def _parts(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the nested messages of a message, without copying them."""
    for number, value in _fields(message):
        if not isinstance(value, int):
            yield number, value


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the fields of a message, without copying them."""
    # The reader of fields only indexes and slices, which a view does as bytes do.
    read: Any = fields
    yield from read(message)


def _first(message: memoryview, number: int) -> memoryview | None:
    """Return the first nested message of a field."""
    return next((part for found, part in _parts(message) if found == number), None)


def _text(message: memoryview, number: int) -> str:
    """Return the first text of a field."""
    part = _first(message, number)
    return "" if part is None else bytes(part).decode("utf-8", "replace")


def _make_field(name: str, datatype: str, shape: list[int]) -> Field:
    """Return a field with the form of a tensor."""
    if not datatype:
        return Field(name)
    tensor = Tensor(datatype, tuple(shape))
    return Field(name, logical_type="array", is_required=True, tensor=tensor)


def _make_table(port: Port, made: tuple[Field, ...]) -> Table:
    """Return the table of a model's inputs or outputs."""
    return Table(port, port=port, fields=made)


def _read_mlmodel(path: str, shown: str) -> tuple[Table, ...]:
    """Return the tables of the signature in an MLmodel file."""
    with open(path, "rb") as file:
        content = file.read(LARGEST_MLMODEL + 1)
    if len(content) > LARGEST_MLMODEL:
        raise UnreadableTable(f"'{shown}' is larger than 1 MiB, so it is no MLmodel file")
    try:
        document = read_yaml(content)
        signature = document.get("signature") if isinstance(document, dict) else None
        if not isinstance(signature, dict):
            raise UnreadableTable(
                f"'{shown}' has no signature", "log the model with MLflow's 'signature' argument"
            )
        tables = read_tables(signature, [])
        if not tables:
            raise UnreadableTable(f"the signature of '{shown}' has no inputs or outputs")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UnreadableTable(f"'{shown}' is not a readable MLmodel file") from error
    return tables
