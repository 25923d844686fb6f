"""Convert contracts of models to and from the signature in MLflow's MLmodel file.

The types are those of `mlflow.types.schema`. A signature has columns or tensors, not both.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from git_datmo.contracts.contract_types import (
    Contract,
    Field,
    LogicalType,
    Port,
    Table,
    Tensor,
)
from git_datmo.contracts.conversions.json_documents import (
    lost_of_contract,
    lost_of_field,
    rules_of_field,
)
from git_datmo.errors import DatmoError

PORTS: tuple[Port, ...] = ("input", "output")
_DEEPEST = 60
_COLUMNS: dict[str, tuple[LogicalType, str]] = {
    "boolean": ("boolean", "bool"),
    "integer": ("integer", "int32"),
    "long": ("integer", "int64"),
    "float": ("number", "float32"),
    "double": ("number", "float64"),
    "string": ("string", ""),
    "datetime": ("timestamp", ""),
    "binary": ("", "binary"),
    "any": ("", ""),
}
_WIDTHS = {"int32": "integer", "float32": "float", "binary": "binary"}
_NAMES: dict[LogicalType, str] = {
    "boolean": "boolean",
    "integer": "long",
    "number": "double",
    "string": "string",
    "date": "datetime",
    "timestamp": "datetime",
    "time": "string",
    "": "any",
}
# NumPy's names of the datatypes of the Open Inference Protocol.
_TENSORS = {
    **{
        f"{kind}{bits}": f"{kind.upper()}{bits}"
        for kind in ("int", "uint")
        for bits in (8, 16, 32, 64)
    },
    **{f"float{bits}": f"FP{bits}" for bits in (16, 32, 64)},
    "bool": "BOOL",
    "str": "BYTES",
    "object": "BYTES",
}
_DTYPES = {
    **{datatype: dtype for dtype, datatype in _TENSORS.items() if dtype != "object"},
    # NumPy has no type for this one; the next wider one holds all its values.
    "BF16": "float32",
}


def to_mlmodel(contract: Contract) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the key `signature` of an MLmodel file, and the names of the lost parts.

    Raises `DatmoError` for a contract without input and output, or with tensors among columns.
    """
    lost = lost_of_contract(contract)
    signature: dict[str, Any] = {f"{port}s": None for port in PORTS}
    for table in contract.tables:
        key = f"{table.port}s"
        if table.port not in PORTS or signature[key] is not None:
            lost.append(f"{table.name}: a signature has one input and one output")
            continue
        lost.extend(_lost_of_table(table))
        signature[key] = json.dumps(_write_fields(table, lost), ensure_ascii=False, default=float)
    if not any(signature.values()):
        raise DatmoError(
            f"'{contract.name}' has no object with 'datmo.port: input' or 'output'",
            "convert the contract of a model",
        )
    return {"signature": {**signature, "params": None}}, tuple(lost)


def _lost_of_table(table: Table) -> Iterable[str]:
    """Yield the parts of an input or output that a signature does not have."""
    values = {
        "description": table.description,
        "physicalName": table.physical_name,
        "quality": table.quality,
        "datmo.files": table.files,
        "datmo.disjoint": table.disjoint,
        "constraints that are not interpreted": table.unchecked,
    }
    yield from (f"{table.name}: {name}" for name, value in values.items() if value)


def _write_fields(table: Table, lost: list[str]) -> list[dict[str, Any]]:
    tensors = [field for field in table.fields if field.tensor is not None]
    if tensors and len(tensors) != len(table.fields):
        raise DatmoError(
            f"'{table.name}' has tensors and columns, and a signature has one of them",
            "divide the object",
        )
    # A signature has names for all of its columns or for none.
    is_named = [field.name for field in table.fields] != [*map(str, range(len(table.fields)))]
    return [
        {
            **_write_type(field, f"{table.name}.{field.name}", lost),
            **({"name": field.name} if is_named else {}),
            **({} if field.tensor else {"required": not field.is_optional}),
        }
        for field in table.fields
    ]


def _write_type(field: Field, path: str, lost: list[str]) -> dict[str, Any]:
    """Return the type of a column, an element or a member."""
    name = _name_type(field)
    lost.extend(_lost_of_column(field, path, name))
    if field.tensor is not None:
        dtype, shape = _DTYPES.get(field.tensor.datatype, "object"), list(field.tensor.shape)
        return {"type": name, "tensor-spec": {"dtype": dtype, "shape": shape}}
    if name == "object":
        members = {
            child.name: {
                **_write_type(child, f"{path}.{child.name}", lost),
                "required": not child.is_optional,
            }
            for child in field.fields
        }
        return {"type": name, "properties": members}
    if name == "array" and field.items is not None:
        return {"type": name, "items": _write_type(field.items, f"{path}[]", lost)}
    return {"type": name}


def _name_type(field: Field) -> str:
    """Return the name of a field's type in a signature."""
    if field.tensor is not None:
        return "tensor"
    if (field.logical_type == "object" and field.fields) or (
        field.logical_type == "array" and field.items is not None
    ):
        return field.logical_type
    return _WIDTHS.get(field.physical_type) or _NAMES.get(field.logical_type, "any")


def _lost_of_column(field: Field, path: str, name: str) -> list[str]:
    """Return the parts of a field that a column of the type `name` does not have."""
    kind, width = _COLUMNS.get(name, (field.logical_type, ""))
    tensor = field.tensor
    datatypes = _TENSORS.values()
    return lost_of_field(
        field,
        path,
        **{
            "physicalType": field.physical_type not in ("", width),
            "logicalType": field.logical_type != kind,
            "datmo.tensor": tensor is not None and tensor.datatype not in datatypes,
            # A signature has one flag for a field that may be absent and for one that may be null.
            "required": tensor is None and field.is_required == field.is_optional,
            "unique": field.is_unique,
            "primaryKey": field.is_key,
            **rules_of_field(field),
            "datmo.default": field.has_default,
            "description": field.description,
            "deprecated": field.is_deprecated,
            "examples": field.examples,
        },
    )


def from_mlmodel(document: dict[str, Any], name: str) -> tuple[Contract, tuple[str, ...]]:
    """Return a contract with an input and an output, and the parts that are not read."""
    signature = document.get("signature")
    if not isinstance(signature, dict):
        raise DatmoError(
            f"'{name}' has no signature", "log the model with MLflow's 'signature' argument"
        )
    lost = [f"signature: {key}" for key, value in signature.items() if value and key == "params"]
    try:
        tables = read_tables(signature, lost)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DatmoError(f"the signature of '{name}' is not readable", "mend the file") from error
    if not tables:
        raise DatmoError(
            f"the signature of '{name}' has no inputs and no outputs",
            "log the model with MLflow's 'signature' argument",
        )
    return Contract(id=name, name=name, tables=tables), tuple(lost)


def read_tables(signature: dict[str, Any], lost: list[str]) -> tuple[Table, ...]:
    """Return the tables of a signature, and append the parts that are not read to `lost`.

    Raises `ValueError`, `TypeError`, `KeyError` or `AttributeError` for one that is invalid.
    """
    tables = []
    for port in PORTS:
        # MLflow writes the columns as JSON text within the YAML.
        columns = json.loads(signature.get(f"{port}s") or "[]")
        # Columns and tensors without a name are known by their position.
        fields = tuple(
            _read_column(str(column.get("name", index)), column, port, lost, 0)
            for index, column in enumerate(columns)
        )
        if fields:
            tables.append(Table(port, port=port, fields=fields))
    return tuple(tables)


def _read_column(
    name: str, column: dict[str, Any], path: str, lost: list[str], depth: int
) -> Field:
    """Return a column or tensor of a signature, an element or a member."""
    shown, kind = f"{path}.{name}", column["type"]
    if depth > _DEEPEST:
        raise ValueError("too deep")
    if kind == "tensor":
        return _read_tensor(name, column["tensor-spec"], shown, lost)
    is_required = bool(column.get("required", True))
    logical, physical = _COLUMNS.get(kind, ("", ""))
    items: Field | None = None
    members: tuple[Field, ...] = ()
    if kind == "array":
        logical, items = "array", _read_column("", column["items"], shown, lost, depth + 1)
    elif kind == "object":
        logical = "object"
        members = tuple(
            _read_column(child, value, shown, lost, depth + 1)
            for child, value in column["properties"].items()
        )
    elif kind not in _COLUMNS:
        lost.append(f"{shown}: type {kind}")
    return Field(
        name,
        logical_type=logical,
        physical_type=physical,
        is_required=is_required,
        is_optional=not is_required,
        items=items,
        fields=members,
    )


def _read_tensor(name: str, spec: dict[str, Any], path: str, lost: list[str]) -> Field:
    datatype = _TENSORS.get(spec["dtype"], "")
    if not datatype:
        lost.append(f"{path}: dtype {spec['dtype']}")
        return Field(name)
    shape = tuple(int(length) for length in spec["shape"])
    return Field(name, logical_type="array", is_required=True, tensor=Tensor(datatype, shape))
