"""Read requests and write answers of the Open Inference Protocol, version 2, over REST.

Tensors are JSON, or bytes behind the JSON (the extension `binary_tensor_data`). The header
`Inference-Header-Content-Length` then has the length of the JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from git_datmo.serving.named_tensors import (
    DATATYPES,
    NamedTensor,
    RefusedRequest,
    refused,
    require_size,
    tensor_of_json,
)
from git_datmo.serving.worker.tensor_bytes import JSON

JSON_LENGTH = "Inference-Header-Content-Length"


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """A request: its id ('' for none), its arrays, and the form of the answer.

    `outputs` has the names of the wanted outputs, each with True for bytes; empty for all outputs.
    """

    id: str
    tensors: tuple[NamedTensor, ...]
    outputs: Mapping[str, bool]
    is_binary: bool = False


def parse_object(text: bytes) -> dict[str, Any]:
    """Return a JSON object; raise `RefusedRequest` for anything else."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RefusedRequest(f"the request is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise RefusedRequest("the request is not a JSON object")
    return document


def parse_inference(body: bytes, json_length: str | None) -> InferenceRequest:
    """Return the request in `body`; raise `RefusedRequest` if it is malformed."""
    size = len(body)
    if json_length is not None:
        # `int` itself would accept signs, blanks and digits of other scripts.
        if not json_length.isascii() or not json_length.isdecimal() or int(json_length) > size:
            raise RefusedRequest(f"the header {JSON_LENGTH} is not the length of the JSON")
        size = int(json_length)
    document = parse_object(body[:size])
    inputs = document.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise RefusedRequest("the request has no inputs")
    tensors, index = [], size
    for entry in inputs:
        tensor, index = _parse_input(entry, body, index)
        tensors.append(tensor)
    if index != len(body):
        raise RefusedRequest("the request has more bytes than its inputs name")
    names = [tensor.name for tensor in tensors]
    if len(set(names)) < len(names):
        raise RefusedRequest("two inputs have the same name")
    parameters = _parameters(document)
    binary = parameters.get("binary_data_output") is True
    request_id = document.get("id", "")
    if not isinstance(request_id, str):
        raise RefusedRequest("the id of the request is not a text")
    return InferenceRequest(
        request_id, tuple(tensors), _parse_outputs(document, is_binary=binary), binary
    )


def _parameters(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    found = entry.get("parameters")
    return found if isinstance(found, dict) else {}


def _parse_input(entry: object, body: bytes, index: int) -> tuple[NamedTensor, int]:
    """Return a tensor, and the index behind its bytes in `body`."""
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise RefusedRequest("an input has no name")
    name, datatype, shape = entry["name"], entry.get("datatype"), entry.get("shape")
    if datatype not in DATATYPES:
        raise refused(name, "datatype", datatype)
    size = _parameters(entry).get("binary_data_size")
    if size is None:
        if "data" not in entry or shape is None:
            raise refused(name, "data" if shape is not None else "shape", None)
        return tensor_of_json(name, datatype, entry["data"], shape), index
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= len(body) - index:
        raise refused(name, "binary_data_size", size)
    if not isinstance(shape, list) or not all(type(each) is int for each in shape):
        raise refused(name, "shape", shape)
    data = body[index : index + size]
    return require_size(NamedTensor(name, datatype, tuple(shape), data)), index + size


def _parse_outputs(document: Mapping[str, Any], *, is_binary: bool) -> dict[str, bool]:
    outputs = document.get("outputs") or []
    if not isinstance(outputs, list):
        raise RefusedRequest("the outputs of the request are not a list")
    found = {}
    for entry in outputs:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise RefusedRequest("an output of the request has no name")
        found[entry["name"]] = _parameters(entry).get("binary_data", is_binary) is True
    return found


def choose_outputs(
    request: InferenceRequest, outputs: Sequence[NamedTensor]
) -> list[tuple[NamedTensor, bool]]:
    """Return the wanted outputs, each with True for bytes; raise `RefusedRequest` for others."""
    if not request.outputs:
        return [(tensor, request.is_binary) for tensor in outputs]
    by_name = {tensor.name: tensor for tensor in outputs}
    for name in request.outputs:
        if name not in by_name:
            raise refused(name, "output", None)
    return [(by_name[name], binary) for name, binary in request.outputs.items()]


def encode_inference(
    document: Mapping[str, Any], outputs: Sequence[tuple[NamedTensor, bool]]
) -> tuple[bytes, int | None]:
    """Return the body of an answer, and the length of its JSON if bytes follow it.

    `document` has the other keys of the answer.
    """
    entries, parts = [], []
    for tensor, binary in outputs:
        # A column of several types has no datatype in the protocol, so it is text.
        datatype = "BYTES" if tensor.datatype == JSON else tensor.datatype
        entry: dict[str, Any] = {
            "name": tensor.name,
            "datatype": datatype,
            "shape": list(tensor.shape),
        }
        if binary and tensor.datatype != JSON:
            entry["parameters"] = {"binary_data_size": len(tensor.data)}
            parts.append(tensor.data)
        elif tensor.datatype == JSON:
            entry["data"] = [
                value if isinstance(value, str) else json.dumps(value) for value in tensor.values()
            ]
        else:
            # The protocol allows flat data in row-major order, since the shape is beside it.
            nested = NamedTensor("", tensor.datatype, (_count(tensor),), tensor.data).nested()
            entry["data"] = nested
        entries.append(entry)
    text = json.dumps({**document, "outputs": entries}).encode()
    return b"".join([text, *parts]), len(text) if parts else None


def _count(tensor: NamedTensor) -> int:
    count = 1
    for size in tensor.shape:
        count *= size
    return count
