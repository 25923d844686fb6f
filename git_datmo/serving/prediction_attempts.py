"""Ask one model for the answer to a request, without telling anybody of it yet."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from git_datmo.serving.named_tensors import NamedTensor, RefusedRequest
from git_datmo.serving.served_model import BrokenOutput, ServedModel
from git_datmo.serving.worker_process import ModelFailed

if TYPE_CHECKING:
    from starlette.requests import Request

Tensors = Sequence[NamedTensor]
Predicting = Callable[[Tensors], Awaitable[Tensors]]
Answering = Callable[[ServedModel, str, Predicting, "Request", bytes], Awaitable["HttpReply"]]


@dataclass(frozen=True, slots=True)
class HttpReply:
    """The body and headers of a prediction."""

    body: bytes
    headers: Mapping[str, str]
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Predicted:
    """The arrays of a request and of its answer, and the seconds that the model took."""

    inputs: Tensors
    outputs: Tensors
    seconds: float


@dataclass(slots=True)
class ModelAttempt:
    """The reply of a model to a request, or its error.

    `prediction` is the id. `predicted` is None if the model gave no answer that keeps its contract.
    """

    model: ServedModel
    prediction: str
    reply: HttpReply | None = None
    error: RefusedRequest | BrokenOutput | ModelFailed | None = None
    predicted: Predicted | None = None

    @property
    def is_refused(self) -> bool:
        """Return True if the request is at fault, and not the model."""
        return isinstance(self.error, RefusedRequest) and self.error.status < 500


async def attempt(
    model: ServedModel,
    number: uuid.UUID,
    answer: Answering,
    request: Request,
    body: bytes | RefusedRequest,
) -> ModelAttempt:
    """Ask a model. Neither counts, nor the log, nor the shadow learn of it."""
    # A refusal has an id too, so that its reply and its event name the same request.
    done = ModelAttempt(model, model.prediction_id(number))

    async def predict(tensors: Tensors) -> Tensors:
        began = time.perf_counter()
        outputs = await model.predict(tensors)
        done.predicted = Predicted(tensors, outputs, time.perf_counter() - began)
        return outputs

    try:
        if isinstance(body, RefusedRequest):
            raise body
        _require_ready(model)
        done.reply = await answer(model, done.prediction, predict, request, body)
    except (RefusedRequest, BrokenOutput, ModelFailed) as error:
        done.error = error
    return done


def _require_ready(model: ServedModel) -> None:
    """Raise `RefusedRequest` if the model has not loaded yet."""
    if not model.is_ready:
        raise RefusedRequest("the model is not ready", status=503, headers={"Retry-After": "1"})
