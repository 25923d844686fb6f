"""Record the results of testing a model, so that a push shares the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from git_datmo.history.record_signatures import attach_records
from git_datmo.model import Oid
from git_datmo.model_tests.model_results import ModelResult, verdict_of
from git_datmo.records.model_test_record import ADVISORY, ModelTest, RecordedResult
from git_datmo.records.record_values import Value
from git_datmo.repository.workspace import Workspace
from git_datmo.secrets.secret_rules import known_secrets, mask
from git_datmo.serving.served_model import ServedModel

_LONGEST = 1000
"""Characters of a name or message. A model's error can be of any length."""


def record_results(
    ws: Workspace,
    model: ServedModel,
    champion: str | None,
    engine: Mapping[str, Value],
    results: Sequence[ModelResult],
) -> None:
    """Record the results of a model's tests; record nothing if nothing was tested.

    `engine` describes the engine. Secrets in messages are masked. With
    `datmo.sign`, the record is signed.
    """
    if all(each.outcome == ADVISORY for each in results):
        return
    known = known_secrets(ws.environ)

    def fit(text: str) -> str:
        return mask(text, known)[:_LONGEST]

    attach_records(
        ws,
        ModelTest(
            snapshot=Oid.parse(model.snapshot),
            commit=Oid.parse(model.commit),
            created=ws.now(),
            author=ws.person,
            champion=None if champion is None else Oid.parse(champion),
            engine=dict(engine),
            verdict=verdict_of(results),
            results=tuple(
                RecordedResult(each.kind, fit(each.name), each.outcome, fit(each.message))
                for each in results
            ),
        ),
    )
