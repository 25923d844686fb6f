"""Hold the state of the server, and make its replies."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from git_datmo.serving.content_encodings import decompress_body, too_large
from git_datmo.serving.event_log import EventLog
from git_datmo.serving.named_tensors import RefusedRequest
from git_datmo.serving.recent_times import RecentTimes
from git_datmo.serving.served_model import ServedModel
from git_datmo.serving.serving_metrics import ServingMetrics
from git_datmo.serving.side_models import Canary, Shadow

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

SNAPSHOT_HEADER, PREDICTION_HEADER = "Datmo-Snapshot", "Datmo-Prediction"
# Paths that tell no more than that a server is there.
OPEN_PATHS = ("/ping", "/health", "/v2/health/live", "/v2/health/ready")


@dataclass(slots=True)
class Front:
    """The state of the server: the model that answers now, counts, and limits.

    A request has at most `max_body` bytes. With `token`, a request needs it. `report` gets a line
    about each error of the model. `log` stores events; None for no log.
    `times` has the times of the main model's last answers.
    """

    model: ServedModel
    max_body: int
    token: str
    report: Callable[[str], None]
    log: EventLog | None = None
    shadow: Shadow | None = None
    canary: Canary | None = None
    is_ending: bool = False
    metrics: ServingMetrics = field(default_factory=ServingMetrics)
    times: RecentTimes = field(default_factory=RecentTimes)

    @property
    def is_ready(self) -> bool:
        """Return True if requests can be answered now."""
        return self.model.is_ready and not self.is_ending and self.model.pool.alive > 0

    @property
    def metrics_text(self) -> str:
        """Return the counts in Prometheus' format."""
        sides = [each.side for each in (self.shadow, self.canary) if each is not None]
        return self.metrics.text(self.model, self.log.lost if self.log else 0, sides)

    def require_access(self, request: Request) -> None:
        """Raise `RefusedRequest` if a request lacks the token, or is of a page of another site."""
        origin, host = request.headers.get("origin"), request.headers.get("host")
        # Browsers send an Origin, programs do not. A page of another site could use the browser's
        # access.
        if origin and origin.partition("://")[2] != host:
            raise RefusedRequest("requests from pages of other sites are not accepted", status=403)
        if not self.token or request.url.path in OPEN_PATHS:
            return
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        # In constant time, which tells nothing of the token.
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            raise RefusedRequest(
                "the request needs the token of this server",
                status=401,
                headers={"WWW-Authenticate": "Bearer"},
            )


def require_model(model: ServedModel, request: Request) -> None:
    """Raise `RefusedRequest` if the path names another model or version."""
    name = request.path_params.get("name", model.name)
    version = request.path_params.get("version", model.version)
    if name != model.name or version != model.version:
        raise RefusedRequest(
            f"there is no model '{name}' of version '{version}', only '{model.name}' of version"
            f" '{model.version}'",
            status=404,
        )


def reply(
    body: bytes | str,
    media_type: str = "application/json",
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a reply. Its library is imported only now."""
    from starlette.responses import Response as StarletteResponse

    return StarletteResponse(body, status, dict(headers or {}), media_type)


def reply_json(document: object, *, status: int = 200, **headers: str) -> Response:
    """Return a reply with a JSON document."""
    # ASCII alone, since texts of a request may have lone surrogates.
    return reply(json.dumps(document, allow_nan=False), status=status, headers=headers)


def naming_headers(model: ServedModel, prediction: str = "") -> dict[str, str]:
    """Return the headers that name the snapshot, and the prediction unless it is ''."""
    named = {SNAPSHOT_HEADER: model.snapshot}
    return {**named, PREDICTION_HEADER: prediction} if prediction else named


def reply_refusal(error: RefusedRequest, model: ServedModel, prediction: str = "") -> Response:
    """Return the reply to a request that is refused."""
    document: dict[str, Any] = {"error": error.message}
    if error.violations or error.status == 400:
        document["violations"] = [violation.document() for violation in error.violations]
    headers = {**naming_headers(model, prediction), **error.headers}
    return reply_json(document, status=error.status, **headers)


async def read_body(request: Request, limit: int) -> bytes:
    """Return the decompressed body of a request; raise `RefusedRequest` if it is too large."""
    from starlette.requests import ClientDisconnect

    parts, size = [], 0
    try:
        async for part in request.stream():
            # Counted as it comes, since the header with the length can be absent or false.
            size += len(part)
            if size > limit:
                raise too_large(limit)
            parts.append(part)
    except ClientDisconnect as error:
        raise RefusedRequest("the client has gone") from error
    encoding = request.headers.get("content-encoding", "")
    return decompress_body(b"".join(parts), encoding, limit)
