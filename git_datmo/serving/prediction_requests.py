"""Answer the requests that predict, and those that tell what became of predictions."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
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
from git_datmo.serving.named_tensors import RefusedRequest
from git_datmo.serving.open_inference import (
    JSON_LENGTH,
    choose_outputs,
    encode_inference,
    parse_inference,
    parse_object,
)
from git_datmo.serving.outcome_events import outcomes_of_request
from git_datmo.serving.prediction_attempts import (
    Answering,
    HttpReply,
    ModelAttempt,
    Predicting,
    attempt,
)
from git_datmo.serving.served_model import BrokenOutput, ServedModel
from git_datmo.serving.side_models import Canary
from git_datmo.serving.worker_process import ModelFailed

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


Handler = Callable[["Request"], Awaitable["Response"]]


def answering(front: Front, answer: Answering) -> Handler:
    """Return a handler that answers a prediction, and counts it."""

    async def respond(request: Request) -> Response:
        began = time.perf_counter()
        body = await _receive(front, request)
        number = uuid.uuid4()
        beside = _begin_canary(front, number, answer, request, body)
        # Chosen after a body that may come slowly. Until the request is answered, a swap changes
        # nothing for it, and the model is not stopped.
        model = front.model
        with model.held():
            asked = time.perf_counter()
            done = await attempt(model, number, answer, request, body)
            spent = time.perf_counter() - asked
            _note_answer(front, done, spent)
            if beside is not None and front.canary is not None:
                done = await _choose(front, front.canary, done, beside, spent)
            response = _conclude(front, done)
        spent = time.perf_counter() - began
        front.metrics.observe(done.model.version, response.status_code, spent)
        return response

    return respond


async def _receive(front: Front, request: Request) -> bytes | RefusedRequest:
    """Return the body of a request that has access, or the error that refuses it."""
    try:
        front.require_access(request)
        return await read_body(request, front.max_body)
    except RefusedRequest as error:
        return error


def _begin_canary(
    front: Front,
    number: uuid.UUID,
    answer: Answering,
    request: Request,
    body: bytes | RefusedRequest,
) -> asyncio.Task[ModelAttempt] | None:
    """Ask the canary beside the main model, if the request is of its share."""
    canary = front.canary
    if canary is None or isinstance(body, RefusedRequest) or not canary.takes(number):
        return None
    # A client that names a version wants that of the main model.
    if "version" in request.path_params:
        return None
    if not canary.side.is_free:
        canary.side.counts["busy"] += 1
        return None
    # It begins when the main model has the request.
    return canary.side.begin(attempt(canary.side.model, number, answer, request, body))


def _note_answer(front: Front, done: ModelAttempt, spent: float) -> None:
    """Note the time of the main model's answer, and give the shadow a copy of the request."""
    if done.predicted is None:
        return
    front.times.note(spent)
    if front.shadow is not None:
        front.shadow.copy(done.predicted.inputs, done.predicted.outputs)


async def _choose(
    front: Front,
    canary: Canary,
    done: ModelAttempt,
    beside: asyncio.Task[ModelAttempt],
    spent: float,
) -> ModelAttempt:
    """Return the canary's answer if it came in time, else that of the main model."""
    if done.is_refused:
        beside.cancel()
        return done
    answered = await canary.answer_in_time(beside, spent, front.times.longest_usual)
    if answered is not None:
        canary.side.counts["answered"] += 1
        return answered
    beside.add_done_callback(partial(_count_unused, front, canary))
    return done


def _count_unused(front: Front, canary: Canary, task: asyncio.Task[ModelAttempt]) -> None:
    """Count a request to the canary whose answer was not sent."""
    if task.cancelled():
        return
    counts, error = canary.side.counts, task.exception()
    if error is not None:
        counts["failed"] += 1
        front.report(f"the canary, snapshot {canary.side.model.version}, failed: {error!r}")
        return
    done = task.result()
    if done.error is None:
        counts["slow"] += 1
        return
    counts["refused" if done.is_refused else "failed"] += 1
    if not isinstance(done.error, RefusedRequest):
        is_told = canary.may_report(time.monotonic())
        _report(front, done.model, done.prediction, done.error, is_told=is_told)


def _conclude(front: Front, done: ModelAttempt) -> Response:
    """Store and count the attempt whose reply is sent, and return the reply."""
    model, prediction, found = done.model, done.prediction, done.predicted
    if front.log is not None and found is not None:
        front.log.prediction(model, prediction, found.inputs, found.outputs, found.seconds)
    if done.reply is not None:
        headers = {**naming_headers(model, prediction), **done.reply.headers}
        return reply(done.reply.body, done.reply.media_type, headers=headers)
    error = done.error
    if isinstance(error, (BrokenOutput, ModelFailed)):
        return reply_refusal(_report(front, model, prediction, error), model, prediction)
    assert error is not None
    for violation in error.violations:
        # Names that clients make up must not fill the memory.
        name = violation.field if model.declares(violation.field) else ""
        front.metrics.violations[model.version, name, violation.rule] += 1
    # A server that is busy or not ready says nothing about the request, so it is no event.
    if front.log is not None and error.status == 400:
        front.log.refusal(model, prediction, error)
    return reply_refusal(error, model, prediction)


def _report(
    front: Front,
    model: ServedModel,
    prediction: str,
    error: BrokenOutput | ModelFailed,
    *,
    is_told: bool = True,
) -> RefusedRequest:
    """Report an error of the model, and return that of the reply. It is counted in any case.

    The text of the model's error can tell of its files, so the reply does not have it.
    """
    what = "failed"
    if isinstance(error, BrokenOutput):
        what = "broke its contract"
        front.metrics.broken_outputs[model.version] += 1
    if is_told:
        front.report(f"prediction {prediction}: the model {what}: {error}")
        for line in error.trace.splitlines() if isinstance(error, ModelFailed) else ():
            front.report(line)
    return RefusedRequest(f"the model {what}", status=500)


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
