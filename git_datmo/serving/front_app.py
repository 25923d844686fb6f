"""Answer HTTP requests with the predictions of a served model."""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from git_datmo import __version__
from git_datmo.serving.mlflow_requests import encode_predictions, parse_invocation
from git_datmo.serving.model_contract import datatype_of_field
from git_datmo.serving.named_tensors import NamedTensor, RefusedRequest
from git_datmo.serving.open_inference import (
    JSON_LENGTH,
    choose_outputs,
    encode_inference,
    parse_inference,
)
from git_datmo.serving.openapi_document import openapi_document
from git_datmo.serving.served_model import BrokenOutput, ServedModel
from git_datmo.serving.serving_metrics import ServingMetrics
from git_datmo.serving.try_page import PAGE_POLICY, try_page
from git_datmo.serving.worker_process import ModelFailed

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

SNAPSHOT_HEADER, PREDICTION_HEADER = "Datmo-Snapshot", "Datmo-Prediction"
# Paths that tell no more than that a server is there.
OPEN_PATHS = ("/ping", "/health", "/v2/health/live", "/v2/health/ready")


@dataclass(slots=True)
class Front:
    """The state of the server: the model that answers now, counts, and limits.

    A request has at most `max_body` bytes. With `token`, a request needs it. `report` gets a line
    about each error of the model.
    """

    model: ServedModel
    max_body: int
    token: str
    report: Callable[[str], None]
    is_ending: bool = False
    metrics: ServingMetrics = field(default_factory=ServingMetrics)

    @property
    def is_ready(self) -> bool:
        """Return True if requests can be answered now."""
        return self.model.is_ready and not self.is_ending and self.model.pool.alive > 0


@dataclass(frozen=True, slots=True)
class HttpReply:
    """The body and headers of an answer with the status 200."""

    body: bytes
    headers: Mapping[str, str]
    media_type: str = "application/json"


Answering = Callable[[ServedModel, str, "Request", bytes], Awaitable[HttpReply]]


def make_app(front: Front) -> Starlette:
    """Return the application; import its libraries only now."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    get = {
        "/": lambda r: _page(front, r),
        "/ping": lambda r: _state(front, r),
        "/health": lambda r: _state(front, r),
        "/version": lambda r: _text(front, r, __version__),
        "/metrics": lambda r: _text(front, r, front.metrics.text(front.model)),
        "/openapi.json": lambda r: _json(front, r, openapi_document(front.model)),
        "/v2": lambda r: _json(front, r, _server_metadata()),
        "/v2/health/live": lambda r: _json(front, r, {"live": True}),
        "/v2/health/ready": lambda r: _state(front, r),
    }
    routes = [Route(path, _async(handler)) for path, handler in get.items()]
    routes.append(Route("/invocations", _answering(front, _invoke), methods=["POST"]))
    for version in ("", "/versions/{version}"):
        base = "/v2/models/{name}" + version
        routes += [
            Route(base, _async(lambda r: _model_metadata(front, r))),
            Route(f"{base}/ready", _async(lambda r: _state(front, r))),
            Route(f"{base}/infer", _answering(front, _infer), methods=["POST"]),
        ]
    return Starlette(routes=routes)


def _async(handler: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        return handler(request)

    return respond


def _require_token(front: Front, request: Request) -> None:
    """Raise `RefusedRequest` if a request lacks the token, or comes from a page of another site."""
    origin, host = request.headers.get("origin"), request.headers.get("host")
    if origin and origin.partition("://")[2] != host:
        raise RefusedRequest("requests from pages of other sites are not accepted", status=403)
    if not front.token or request.url.path in OPEN_PATHS:
        return
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), front.token.encode()):
        raise RefusedRequest(
            "the request needs the token of this server",
            status=401,
            headers={"WWW-Authenticate": "Bearer"},
        )


def _json(front: Front, request: Request, document: object, status: int = 200) -> Response:
    from starlette.responses import JSONResponse

    try:
        _require_token(front, request)
    except RefusedRequest as error:
        return _refusal(error, front.model, "")
    headers = {SNAPSHOT_HEADER: front.model.snapshot}
    return JSONResponse(document, status_code=status, headers=headers)


def _text(front: Front, request: Request, text: str) -> Response:
    from starlette.responses import PlainTextResponse

    try:
        _require_token(front, request)
    except RefusedRequest as error:
        return _refusal(error, front.model, "")
    return PlainTextResponse(text)


def _page(front: Front, request: Request) -> Response:
    from starlette.responses import HTMLResponse

    # The page has the form alone. It asks for the token itself.
    del request
    return HTMLResponse(try_page(front.model), headers={"Content-Security-Policy": PAGE_POLICY})


def _state(front: Front, request: Request) -> Response:
    """Say if the model can answer."""
    known = request.path_params.get("name", front.model.name)
    version = request.path_params.get("version", front.model.version)
    if known != front.model.name or version != front.model.version:
        return _json(front, request, {"error": f"there is no model '{known}'"}, 404)
    document = {"ready": front.is_ready, "snapshot": front.model.snapshot}
    return _json(front, request, document, 200 if front.is_ready else 503)


def _server_metadata() -> dict[str, Any]:
    return {"name": "git-datmo", "version": __version__, "extensions": ["binary_tensor_data"]}


def _model_metadata(front: Front, request: Request) -> Response:
    model = front.model
    try:
        _require_model(model, request)
    except RefusedRequest as error:
        return _refusal(error, model, "")
    contract = model.contract
    tables = (contract.request, contract.answer) if contract else (None, None)
    inputs, outputs = (
        [
            {
                "name": each.name,
                "datatype": datatype_of_field(each) or "BYTES",
                "shape": list(each.tensor.shape) if each.tensor else [-1],
            }
            for each in (table.fields if table else ())
        ]
        for table in tables
    )
    return _json(
        front,
        request,
        {
            "name": model.name,
            "versions": [model.version],
            "platform": "git-datmo",
            "inputs": inputs,
            "outputs": outputs,
            "parameters": {"snapshot": model.snapshot, "commit": model.commit},
        },
    )


def _require_model(model: ServedModel, request: Request) -> None:
    """Raise `RefusedRequest` if the path names another model or version."""
    name = request.path_params["name"]
    version = request.path_params.get("version", model.version)
    if name != model.name or version != model.version:
        raise RefusedRequest(
            f"there is no model '{name}' of version '{version}', only '{model.name}' of version"
            f" '{model.version}'",
            status=404,
        )


def _answering(front: Front, answering: Answering) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler that answers a prediction, and counts it."""

    async def respond(request: Request) -> Response:
        began = time.perf_counter()
        # A swap while this request is answered changes nothing for it.
        model = front.model
        prediction = model.new_prediction()
        response = await _respond(front, model, prediction, answering, request)
        front.metrics.observe(model.version, response.status_code, time.perf_counter() - began)
        return response

    return respond


async def _respond(
    front: Front, model: ServedModel, prediction: str, answering: Answering, request: Request
) -> Response:
    """Return the answer of the model, or that of an error."""
    from starlette.responses import Response

    try:
        _require_token(front, request)
        body = await _read_body(request, front.max_body)
        _require_ready(model)
        answer = await answering(model, prediction, request, body)
    except RefusedRequest as error:
        for violation in error.violations:
            front.metrics.violations[model.version, violation.field, violation.rule] += 1
        return _refusal(error, model, prediction)
    except (BrokenOutput, ModelFailed) as error:
        what = "failed"
        if isinstance(error, BrokenOutput):
            what = "broke its contract"
            front.metrics.broken_outputs[model.version] += 1
        front.report(f"prediction {prediction}: the model {what}: {error}")
        for line in error.trace.splitlines() if isinstance(error, ModelFailed) else ():
            front.report(line)
        # The text of an error can tell of the model's files, so it is in the log alone.
        shown = RefusedRequest(f"the model {what}", status=500)
        return _refusal(shown, model, prediction)
    headers = {**_names(model, prediction), **answer.headers}
    return Response(answer.body, headers=headers, media_type=answer.media_type)


def _require_ready(model: ServedModel) -> None:
    """Raise `RefusedRequest` if the model has not loaded yet."""
    if not model.is_ready:
        raise RefusedRequest("the model is not ready", status=503, headers={"Retry-After": "1"})


def _names(model: ServedModel, prediction: str) -> dict[str, str]:
    """Return the headers that name the snapshot and the prediction."""
    named = {SNAPSHOT_HEADER: model.snapshot}
    return {**named, PREDICTION_HEADER: prediction} if prediction else named


def _refusal(error: RefusedRequest, model: ServedModel, prediction: str) -> Response:
    from starlette.responses import JSONResponse

    document: dict[str, Any] = {"error": error.message}
    if error.violations or error.status == 400:
        document["violations"] = [violation.document() for violation in error.violations]
    headers = {**_names(model, prediction), **error.headers}
    return JSONResponse(document, status_code=error.status, headers=headers)


async def _read_body(request: Request, limit: int) -> bytes:
    """Return the body of a request; raise `RefusedRequest` if it is too large."""
    from starlette.requests import ClientDisconnect

    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise RefusedRequest(f"the request has more than {limit} bytes", status=413)
            parts.append(part)
    except ClientDisconnect as error:
        raise RefusedRequest("the client has gone", status=400) from error
    return b"".join(parts)


async def _invoke(model: ServedModel, prediction: str, request: Request, body: bytes) -> HttpReply:
    """Answer a request in MLflow's format."""
    del prediction
    contract = model.contract
    datatypes = contract.datatype if contract else _no_datatype
    single = contract.single_input if contract else "input"
    kind = request.headers.get("content-type", "")
    outputs = await model.predict(parse_invocation(body, kind, datatypes, single))
    return HttpReply(encode_predictions(outputs), {})


def _no_datatype(_name: str) -> str:
    """Return '', since no contract declares a datatype."""
    return ""


async def _infer(model: ServedModel, prediction: str, request: Request, body: bytes) -> HttpReply:
    """Answer a request of the Open Inference Protocol."""
    _require_model(model, request)
    asked = parse_inference(body, request.headers.get(JSON_LENGTH))
    outputs: Sequence[NamedTensor] = await model.predict(asked.tensors)
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
