"""Read requests and write answers of MLflow's scoring protocol, `/invocations`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from git_datmo.serving.named_tensors import (
    NamedTensor,
    RefusedRequest,
    RequestViolation,
    refused,
    tensor_of_json,
)
from git_datmo.serving.open_inference import parse_object

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")

Datatypes = Callable[[str], str]
"""Returns the datatype that the contract declares for a field; '' for none."""


def parse_invocation(
    body: bytes, content_type: str, datatypes: Datatypes, single: str
) -> tuple[NamedTensor, ...]:
    """Return the arrays of a request; raise `RefusedRequest` if it is malformed.

    `single` is the name of the array in a request that names none.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "text/csv":
        return _columns(_parse_csv(body, datatypes), datatypes)
    if kind not in ("application/json", ""):
        raise RefusedRequest(
            f"the content type '{kind}' is neither application/json nor text/csv", status=415
        )
    document = parse_object(body)
    given = [form for form in FORMS if form in document]
    if len(given) != 1:
        raise RefusedRequest(f"the request needs exactly one of {', '.join(FORMS)}")
    form, value = given[0], document[given[0]]
    if form == "dataframe_split":
        return _columns(_parse_split(value), datatypes)
    if form == "dataframe_records":
        return _columns(_parse_records(value), datatypes)
    if isinstance(value, dict):
        return tuple(tensor_of_json(name, datatypes(name), each) for name, each in value.items())
    if not isinstance(value, list) or not value:
        raise RefusedRequest(f"{form} is not a list with values")
    if isinstance(value[0], dict):
        return _columns(_parse_records(value), datatypes)
    return (tensor_of_json(single, datatypes(single), value),)


def _columns(columns: Mapping[str, Sequence[Any]], datatypes: Datatypes) -> tuple[NamedTensor, ...]:
    """Return columns as arrays."""
    if not columns:
        raise RefusedRequest("the request has no columns")
    return tuple(
        tensor_of_json(name, datatypes(name), list(values)) for name, values in columns.items()
    )


def _parse_split(value: object) -> dict[str, list[Any]]:
    columns = value.get("columns") if isinstance(value, dict) else None
    data = value.get("data") if isinstance(value, dict) else None
    if not isinstance(columns, list) or not isinstance(data, list):
        raise RefusedRequest("dataframe_split needs columns and data")
    names = [str(name) for name in columns]
    if len(set(names)) < len(names):
        raise RefusedRequest("two columns have the same name")
    for row, values in enumerate(data):
        if not isinstance(values, list) or len(values) != len(names):
            raise refused("", "columns", values, row)
    return {name: [values[index] for values in data] for index, name in enumerate(names)}


def _parse_records(value: object) -> dict[str, list[Any]]:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise RefusedRequest("the records are not a list of objects")
    names = list(dict.fromkeys(name for row in value for name in row))
    missing = [
        RequestViolation(name, number, "missing", None)
        for number, row in enumerate(value)
        for name in names
        if name not in row
    ]
    if missing:
        # As many as `request_checks.MOST`.
        raise RefusedRequest("some records lack a field", tuple(missing[:100]))
    return {name: [row[name] for row in value] for name in names}


def _parse_csv(body: bytes, datatypes: Datatypes) -> dict[str, list[Any]]:
    """Return the columns of a CSV text with a header.

    A column is numbers if all its values are, unless the contract says that it is text. An empty
    value is missing.
    """
    try:
        # Spreadsheets write a byte order mark, which would become part of the first name.
        rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise RefusedRequest(f"the request is not CSV: {error}") from error
    rows = [row for row in rows if row]
    if len(rows) < 2:
        raise RefusedRequest("the CSV needs a header and rows")
    names = rows[0]
    if len(set(names)) < len(names):
        raise RefusedRequest("two columns have the same name")
    for number, row in enumerate(rows[1:]):
        if len(row) != len(names):
            raise refused("", "columns", row, number)
    return {
        name: _parse_texts([row[index] for row in rows[1:]], datatypes(name))
        for index, name in enumerate(names)
    }


def _parse_texts(texts: Sequence[str], datatype: str) -> list[Any]:
    """Return the values of a CSV column."""
    if datatype == "BYTES":
        return [text or None for text in texts]
    if datatype == "BOOL":
        return [{"true": True, "false": False}.get(text.lower(), text or None) for text in texts]
    for parse in (int, float):
        try:
            return [parse(text) if text else None for text in texts]
        except ValueError:
            continue
    return [text or None for text in texts]


def encode_predictions(outputs: Sequence[NamedTensor]) -> bytes:
    """Return the body of an answer: a list for a single output, else a list of records."""
    if len(outputs) == 1:
        return json.dumps({"predictions": outputs[0].nested()}).encode()
    columns = {tensor.name: tensor.nested() for tensor in outputs}
    lengths = {tensor.rows for tensor in outputs}
    # Outputs without a common number of rows cannot be records.
    if None in lengths or len(lengths) > 1:
        return json.dumps({"predictions": columns}).encode()
    records = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return json.dumps({"predictions": records}).encode()
