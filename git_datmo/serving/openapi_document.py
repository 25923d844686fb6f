"""Describe the server's requests as an OpenAPI document, made from the contract."""

from __future__ import annotations

from typing import Any

from git_datmo.contracts.contract_types import Field, Table, Tensor
from git_datmo.serving.named_tensors import DATATYPES
from git_datmo.serving.served_model import ServedModel

_TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "format": "date-time"},
    "time": {"type": "string", "format": "time"},
    "object": {"type": "object"},
    "array": {"type": "array"},
}
# Larger numbers than the maximum are infinite in these datatypes.
_HALF, _SINGLE = 65504.0, 3.4028234663852886e38
_ELEMENTS: dict[str, dict[str, Any]] = {
    "BOOL": {"type": "boolean"},
    "BYTES": {"type": "string"},
    "FP16": {"type": "number", "minimum": -_HALF, "maximum": _HALF},
    "FP32": {"type": "number", "minimum": -_SINGLE, "maximum": _SINGLE},
    "FP64": {"type": "number"},
}


def openapi_document(model: ServedModel) -> dict[str, Any]:
    """Return the document of the model that answers."""
    contract = model.contract
    row = _table_schema(contract.request if contract else None)
    answer = _table_schema(contract.answer if contract else None)
    prediction = answer
    if contract and contract.answer and len(contract.answer.fields) == 1:
        prediction = field_schema(contract.answer.fields[0])
    infer = f"/v2/models/{model.name}/infer"
    return {
        "openapi": "3.1.0",
        "info": {
            "title": model.name,
            "version": contract.contract.version if contract else model.version,
            "description": f"Snapshot {model.snapshot} of commit {model.commit}.",
        },
        "paths": {
            "/invocations": {"post": _operation("Predict rows.", _records(), prediction)},
            infer: {"post": _operation("Predict tensors.", _inference(), None)},
            "/v2/health/live": {"get": _plain("Say that the server is alive.")},
            "/v2/health/ready": {"get": _plain("Say that the model can answer.")},
            f"/v2/models/{model.name}": {"get": _plain("Describe the inputs and outputs.")},
            "/metrics": {"get": _plain("Return counts in Prometheus' format.")},
        },
        "components": {"schemas": {"Row": row, "Prediction": prediction, "Refusal": _refusal()}},
    }


def _operation(summary: str, body: dict[str, Any], prediction: Any) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "The answer of the model."}
    if prediction is not None:
        schema = {
            "type": "object",
            "properties": {
                "predictions": {
                    "type": "array",
                    "items": {"$ref": "#/components/schemas/Prediction"},
                }
            },
        }
        good["content"] = {"application/json": {"schema": schema}}
    refusal = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "200": good,
            **{
                status: {"description": text, "content": refusal}
                for status, text in (
                    ("400", "The request breaks the contract or the protocol."),
                    ("413", "The request is too large."),
                    ("415", "The content type is not known."),
                    ("500", "The model failed, or its answer breaks the contract."),
                    ("503", "The model cannot answer now."),
                    ("504", "The model did not answer in time."),
                )
            },
        },
    }


def _plain(summary: str) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": {"description": "As the summary says."}}}


def _records() -> dict[str, Any]:
    """Return the schema of a request by rows."""
    rows = {"type": "array", "items": {"$ref": "#/components/schemas/Row"}, "minItems": 1}
    return {
        "type": "object",
        "required": ["dataframe_records"],
        "properties": {"dataframe_records": rows},
    }


def _inference() -> dict[str, Any]:
    tensor = {
        "type": "object",
        "required": ["name", "shape", "datatype", "data"],
        "properties": {
            "name": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "datatype": {"enum": list(DATATYPES)},
            "data": {"type": "array"},
        },
    }
    inputs = {"type": "array", "items": tensor, "minItems": 1}
    return {
        "type": "object",
        "required": ["inputs"],
        "properties": {"id": {"type": "string"}, "inputs": inputs},
    }


def _refusal() -> dict[str, Any]:
    violation = {
        "type": "object",
        "properties": {
            "field": {"type": "string"},
            "row": {"type": ["integer", "null"]},
            "rule": {"type": "string"},
            "got": {},
        },
    }
    return {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {"type": "string"},
            "violations": {"type": "array", "items": violation},
        },
    }


def _table_schema(table: Table | None) -> dict[str, Any]:
    """Return the schema of a row of a table; of any object without a table."""
    if table is None:
        return {"type": "object"}
    required = [f.name for f in table.fields if not f.is_optional and not f.has_default]
    return {
        "type": "object",
        "properties": {field.name: field_schema(field) for field in table.fields},
        **({"required": required} if required else {}),
        **({"description": table.description} if table.description else {}),
    }


def field_schema(field: Field) -> dict[str, Any]:
    """Return the JSON Schema of a field's values."""
    schema: dict[str, Any] = dict(_TYPES.get(field.logical_type, {}))
    if field.tensor is not None:
        schema = _row_schema(field.tensor)
    limits = {
        "exclusiveMinimum" if field.is_minimum_exclusive else "minimum": field.minimum,
        "exclusiveMaximum" if field.is_maximum_exclusive else "maximum": field.maximum,
        "multipleOf": field.multiple_of,
        "minLength": field.min_length,
        "maxLength": field.max_length,
        "pattern": field.pattern or None,
        "description": field.description or None,
    }
    schema |= {name: _number(value) for name, value in limits.items() if value is not None}
    if field.enum is not None:
        schema["enum"] = [_number(value) for value in field.enum]
    if field.examples:
        schema["examples"] = [_number(value) for value in field.examples]
    if not field.is_required and "type" in schema:
        # OpenAPI 3.1 uses JSON Schema as it is, in which null is a type (3.0 had `nullable`).
        schema["type"] = [schema["type"], "null"]
    return schema


def _row_schema(tensor: Tensor) -> dict[str, Any]:
    """Return the schema of one row of an array. Its first dimension counts the rows."""
    schema = _element_schema(tensor.datatype)
    for size in reversed(tensor.shape[1:]):
        exact = {"minItems": size, "maxItems": size} if size >= 0 else {"minItems": 1}
        schema = {"type": "array", "items": schema, **exact}
    return schema


def _element_schema(datatype: str) -> dict[str, Any]:
    """Return the schema of an element of an array."""
    kind = datatype.rstrip("0123456789")
    if kind not in ("INT", "UINT"):
        return dict(_ELEMENTS.get(datatype, {}))
    bits = int(datatype.removeprefix(kind))
    least, most = (0, 1 << bits) if kind == "UINT" else (-1 << bits - 1, 1 << bits - 1)
    return {"type": "integer", "minimum": least, "maximum": most - 1}


def _number(value: object) -> object:
    """Return a value as JSON has it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return float(str(value))
