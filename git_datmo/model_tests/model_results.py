"""Hold the results of the tests of a model, and the verdict that follows from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["contract", "gate", "pytest", "cost"]
Outcome = Literal["passed", "failed", "undecided", "advisory"]
ModelVerdict = Literal["passed", "failed", "undecided"]


@dataclass(frozen=True, slots=True)
class ModelResult:
    """The result of one test. An `advisory` result is for people, and decides nothing."""

    kind: Kind
    name: str
    outcome: Outcome
    message: str = ""


def verdict_of(results: Iterable[ModelResult]) -> ModelVerdict:
    """Return `failed` if a test failed, else `undecided` if one is, or if nothing was tested."""
    outcomes = {result.outcome for result in results} - {"advisory"}
    if "failed" in outcomes:
        return "failed"
    return "passed" if outcomes == {"passed"} else "undecided"
