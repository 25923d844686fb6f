"""Route HTTP requests: predictions, outcomes, and what the server tells of itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from git_datmo import __version__
from git_datmo.contracts.contract_types import Table
from git_datmo.serving.front_state import (
    Front,
    naming_headers,
    reply,
    reply_json,
    reply_refusal,
    require_model,
)
from git_datmo.serving.model_contract import datatype_of_field
from git_datmo.serving.named_tensors import RefusedRequest
from git_datmo.serving.openapi_document import openapi_document
from git_datmo.serving.prediction_requests import accepting_outcomes, answering, infer, invoke
from git_datmo.serving.served_model import ServedModel
from git_datmo.serving.try_page import PAGE_POLICY, try_page

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

Telling = Callable[["Request"], "Response"]


def make_app(front: Front) -> Starlette:
    """Return the application. Its library is imported only now."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    tells: dict[str, Telling] = {
        # The paths of MLflow's scoring server.
        "/ping": lambda _: _state(front),
        "/health": lambda _: _state(front),
        "/version": lambda _: reply(__version__, "text/plain"),
        "/metrics": lambda _: reply(front.metrics_text, "text/plain"),
        "/openapi.json": lambda _: _tell(front, openapi_document(front.model)),
        # The paths of the Open Inference Protocol. A server whose model still loads is alive.
        "/v2": lambda _: _tell(front, _server_metadata()),
        "/v2/health/live": lambda _: _tell(front, {"live": True}),
        "/v2/health/ready": lambda _: _state(front),
    }
    models = [f"/v2/models/{{name}}{version}" for version in ("", "/versions/{version}")]
    # Routes are tried in order, so predictions come first.
    routes = [
        Route("/invocations", answering(front, invoke), methods=["POST"]),
        *(Route(f"{base}/infer", answering(front, infer), methods=["POST"]) for base in models),
        Route("/feedback", accepting_outcomes(front), methods=["POST"]),
        # The page has the form alone. It asks for the token itself.
        Route("/", _page(front)),
    ]
    routes += [Route(path, _telling(front, tell)) for path, tell in tells.items()]
    for base in models:
        routes += [
            Route(base, _telling(front, lambda _: _tell(front, _model_metadata(front.model)))),
            Route(f"{base}/ready", _telling(front, lambda _: _state(front))),
        ]
    return Starlette(routes=routes)


def _telling(front: Front, tell: Telling) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler that tells something of the server or the model."""

    async def respond(request: Request) -> Response:
        try:
            front.require_access(request)
            require_model(front.model, request)
        except RefusedRequest as error:
            return reply_refusal(error, front.model)
        return tell(request)

    return respond


def _page(front: Front) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler for the page on which a person tries the model."""

    async def respond(_: Request) -> Response:
        headers = {"Content-Security-Policy": PAGE_POLICY}
        return reply(try_page(front.model), "text/html", headers=headers)

    return respond


def _tell(front: Front, document: object, status: int = 200) -> Response:
    return reply_json(document, status=status, **naming_headers(front.model))


def _state(front: Front) -> Response:
    """Tell if the model can answer."""
    document = {"ready": front.is_ready, "snapshot": front.model.snapshot}
    return _tell(front, document, 200 if front.is_ready else 503)


def _server_metadata() -> dict[str, Any]:
    return {"name": "git-datmo", "version": __version__, "extensions": ["binary_tensor_data"]}


def _model_metadata(model: ServedModel) -> dict[str, Any]:
    contract = model.contract
    return {
        "name": model.name,
        "versions": [model.version],
        "platform": "git-datmo",
        "inputs": _tensors_metadata(contract.request if contract else None),
        "outputs": _tensors_metadata(contract.answer if contract else None),
        "parameters": {"snapshot": model.snapshot, "commit": model.commit},
    }


def _tensors_metadata(table: Table | None) -> list[dict[str, Any]]:
    """Return the names, datatypes and shapes of a table's fields."""
    return [
        {
            "name": field.name,
            "datatype": datatype_of_field(field) or "BYTES",
            "shape": list(field.tensor.shape) if field.tensor else [-1],
        }
        for field in (table.fields if table else ())
    ]
