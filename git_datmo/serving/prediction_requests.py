"""Answer the requests that predict, and those that tell what became of predictions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from git_datmo.serving.front_state import (
    Front,
    naming_headers,
    read_body,
    reply,
    reply_json,
    reply_refusal,
    require_model,
)
from git_datmo.serving.mlflow_requests import encode_predictions, parse_invocation
from git_datmo.serving.named_tensors import NamedTensor, RefusedRequest
from git_datmo.serving.open_inference import (
    JSON_LENGTH,
    choose_outputs,
    encode_inference,
    parse_inference,
    parse_object,
)
from git_datmo.serving.outcome_events import outcomes_of_request
from git_datmo.serving.served_model import BrokenOutput, ServedModel
from git_datmo.serving.worker_process import ModelFailed

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


@dataclass(frozen=True, slots=True)
class HttpReply:
    """The body and headers of a prediction."""

    body: bytes
    headers: Mapping[str, str]
    media_type: str = "application/json"


Predicting = Callable[[Sequence[NamedTensor]], Awaitable[Sequence[NamedTensor]]]
Answering = Callable[[ServedModel, str, Predicting, "Request", bytes], Awaitable[HttpReply]]
Handler = Callable[["Request"], Awaitable["Response"]]


def answering(front: Front, answer: Answering) -> Handler:
    """Return a handler that answers a prediction, and counts it."""

    async def respond(request: Request) -> Response:
        began = time.perf_counter()
        body = await _receive(front, request)
        # Chosen after a body that may come slowly. Until the request is answered, a swap changes
        # nothing for it, and the model is not stopped.
        model = front.model
        with model.held():
            response = await _respond(front, model, answer, request, body)
        front.metrics.observe(model.version, response.status_code, time.perf_counter() - began)
        return response

    return respond


async def _receive(front: Front, request: Request) -> bytes | RefusedRequest:
    """Return the body of a request that has access, or the error that refuses it."""
    try:
        front.require_access(request)
        return await read_body(request, front.max_body)
    except RefusedRequest as error:
        return error


async def _respond(
    front: Front,
    model: ServedModel,
    answer: Answering,
    request: Request,
    body: bytes | RefusedRequest,
) -> Response:
    """Return the answer of the model, or that of an error."""
    # A refusal has an id too, so that its reply and its event name the same request.
    prediction = model.new_prediction()
    try:
        if isinstance(body, RefusedRequest):
            raise body
        _require_ready(model)
        done = await answer(model, prediction, _logged(front, model, prediction), request, body)
    except RefusedRequest as error:
        for violation in error.violations:
            # Names that clients make up must not fill the memory.
            name = violation.field if model.declares(violation.field) else ""
            front.metrics.violations[model.version, name, violation.rule] += 1
        # A server that is busy or not ready says nothing about the request, so it is no event.
        if front.log is not None and error.status == 400:
            front.log.refusal(model, prediction, error)
        return reply_refusal(error, model, prediction)
    except (BrokenOutput, ModelFailed) as error:
        return reply_refusal(_report(front, model, prediction, error), model, prediction)
    headers = {**naming_headers(model, prediction), **done.headers}
    return reply(done.body, done.media_type, headers=headers)


def _report(
    front: Front, model: ServedModel, prediction: str, error: BrokenOutput | ModelFailed
) -> RefusedRequest:
    """Report an error of the model, and return that of the reply.

    The text of the model's error can tell of its files, so the reply does not have it.
    """
    what = "failed"
    if isinstance(error, BrokenOutput):
        what = "broke its contract"
        front.metrics.broken_outputs[model.version] += 1
    front.report(f"prediction {prediction}: the model {what}: {error}")
    for line in error.trace.splitlines() if isinstance(error, ModelFailed) else ():
        front.report(line)
    return RefusedRequest(f"the model {what}", status=500)


def _require_ready(model: ServedModel) -> None:
    """Raise `RefusedRequest` if the model has not loaded yet."""
    if not model.is_ready:
        raise RefusedRequest("the model is not ready", status=503, headers={"Retry-After": "1"})


def _logged(front: Front, model: ServedModel, prediction: str) -> Predicting:
    """Return a function that predicts, and stores the prediction."""

    async def predict(tensors: Sequence[NamedTensor]) -> Sequence[NamedTensor]:
        began = time.perf_counter()
        outputs = await model.predict(tensors)
        if front.log is not None:
            spent = time.perf_counter() - began
            front.log.prediction(model, prediction, tensors, outputs, spent)
        return outputs

    return predict


async def invoke(
    model: ServedModel, prediction: str, predict: Predicting, request: Request, body: bytes
) -> HttpReply:
    """Answer a request in MLflow's format."""
    del prediction
    contract = model.contract
    datatypes = contract.datatype if contract else _no_datatype
    single = contract.single_input if contract else "input"
    kind = request.headers.get("content-type", "")
    outputs = await predict(parse_invocation(body, kind, datatypes, single))
    return HttpReply(encode_predictions(outputs), {})


def _no_datatype(_name: str) -> str:
    """Return '', since no contract declares a datatype."""
    return ""


async def infer(
    model: ServedModel, prediction: str, predict: Predicting, request: Request, body: bytes
) -> HttpReply:
    """Answer a request of the Open Inference Protocol."""
    require_model(model, request)
    asked = parse_inference(body, request.headers.get(JSON_LENGTH))
    outputs = await predict(asked.tensors)
    document = {
        "model_name": model.name,
        "model_version": model.version,
        "id": asked.id or prediction,
        "parameters": {"snapshot": model.snapshot, "prediction": prediction},
    }
    text, length = encode_inference(document, choose_outputs(asked, outputs))
    if length is None:
        return HttpReply(text, {})
    return HttpReply(text, {JSON_LENGTH: str(length)}, "application/octet-stream")


def accepting_outcomes(front: Front) -> Handler:
    """Return a handler that stores outcomes. It answers after the disk has them."""

    async def respond(request: Request) -> Response:
        try:
            front.require_access(request)
            body = await read_body(request, front.max_body)
            stored = await _store_outcomes(front, body)
        except RefusedRequest as error:
            return reply_refusal(error, front.model)
        return reply_json({"stored": stored}, status=202, **naming_headers(front.model))

    return respond


async def _store_outcomes(front: Front, body: bytes) -> int:
    """Store the outcomes of a request, and return their number."""
    if front.log is None:
        raise RefusedRequest("this server stores no events: start it with --log", status=404)
    events = outcomes_of_request(parse_object(body), front.model.contract, front.log.clock())
    try:
        # One append for all of them, so that a request is stored whole or not at all.
        front.log.file.append(events)
        # In a thread, since a slow disk must not hold up predictions.
        await asyncio.to_thread(front.log.file.sync)
    except (OSError, ValueError) as error:
        front.report(f"outcomes were not stored: {error}")
        raise RefusedRequest("the outcomes cannot be stored now", status=503) from error
    return len(events)
