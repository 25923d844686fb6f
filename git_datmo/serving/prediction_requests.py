"""Answer the requests that predict, and those that tell what became of predictions."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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
from git_datmo.serving.side_models import SlowModel
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
        number = uuid.uuid4()
        model, response = await _ask_canary(front, number, answer, request, body)
        if response is None:
            # Chosen after a body that may come slowly. Until the request is answered, a swap
            # changes nothing for it, and the model is not stopped.
            model = front.model
            with model.held():
                response = await _respond(front, model, number, answer, request, body)
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
    number: uuid.UUID,
    answer: Answering,
    request: Request,
    body: bytes | RefusedRequest,
) -> Response:
    """Return the answer of the model, or that of an error."""
    # A refusal has an id too, so that its reply and its event name the same request.
    prediction = model.prediction_id(number)
    try:
        if isinstance(body, RefusedRequest):
            raise body
        _require_ready(model)
        predict = _logged(front, model, prediction, model.predict)
        done = await answer(model, prediction, _noted(front, predict), request, body)
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
    return _reply_with(done, model, prediction)


def _reply_with(done: HttpReply, model: ServedModel, prediction: str) -> Response:
    headers = {**naming_headers(model, prediction), **done.headers}
    return reply(done.body, done.media_type, headers=headers)


async def _ask_canary(
    front: Front,
    number: uuid.UUID,
    answer: Answering,
    request: Request,
    body: bytes | RefusedRequest,
) -> tuple[ServedModel, Response | None]:
    """Return the canary's answer; None if the main model has to answer."""
    canary = front.canary
    if canary is None or isinstance(body, RefusedRequest) or not canary.takes(number):
        return front.model, None
    # A client that names a version wants that of the main model.
    if "version" in request.path_params:
        return front.model, None
    side, model = canary.side, canary.side.model
    if not side.is_free:
        side.counts["busy"] += 1
        return model, None
    prediction = model.prediction_id(number)
    try:
        ask = partial(canary.predict, usual=front.usual_seconds)
        predict = _logged(front, model, prediction, ask)
        done = await answer(model, prediction, predict, request, body)
    except RefusedRequest as error:
        side.counts["refused" if error.status < 500 else "failed"] += 1
        return model, None
    except SlowModel:
        side.counts["slow"] += 1
        return model, None
    except (BrokenOutput, ModelFailed) as error:
        side.counts["failed"] += 1
        _report(front, model, prediction, error)
        return model, None
    side.counts["answered"] += 1
    return model, _reply_with(done, model, prediction)


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


def _noted(front: Front, ask: Predicting) -> Predicting:
    """Return a function that asks the main model, notes its time, and gives the shadow a copy."""

    async def predict(tensors: Sequence[NamedTensor]) -> Sequence[NamedTensor]:
        began = time.perf_counter()
        outputs = await ask(tensors)
        front.note_seconds(time.perf_counter() - began)
        if front.shadow is not None:
            front.shadow.copy(tensors, outputs)
        return outputs

    return predict


def _logged(front: Front, model: ServedModel, prediction: str, ask: Predicting) -> Predicting:
    """Return a function that predicts, and stores the prediction."""

    async def predict(tensors: Sequence[NamedTensor]) -> Sequence[NamedTensor]:
        began = time.perf_counter()
        outputs = await ask(tensors)
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
