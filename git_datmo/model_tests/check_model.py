"""Test a model that is placed: its contract, its gates, and its cost beside the champion's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.model_tests.contract_tests import run_boundary_tests
from git_datmo.model_tests.cost_measures import Cost, compare_costs, measure_cost
from git_datmo.model_tests.gate_language import Gate, parse_gate
from git_datmo.model_tests.gate_tests import Answers, ask_held_out, judge_gates
from git_datmo.model_tests.held_out_rows import HeldOutRows
from git_datmo.model_tests.model_results import ModelResult
from git_datmo.serving.named_tensors import NamedTensor, RefusedRequest
from git_datmo.serving.served_model import BrokenOutput, ServedModel
from git_datmo.serving.worker_process import ModelFailed


@dataclass(frozen=True, slots=True)
class PlacedModels:
    """A model and its champion, None for none.

    `no_rows` says why there are no held-out rows, `no_champion` why the champion is not served.
    """

    model: ServedModel
    champion: ServedModel | None
    rows: HeldOutRows | None
    no_rows: str = ""
    no_champion: str = ""

    def gates(self) -> list[Gate]:
        """Return the gates of the model's contract; raise `DatmoError` if one is not valid."""
        contract = self.model.contract
        return [parse_gate(text) for text in contract.contract.gates] if contract else []


@dataclass(frozen=True, slots=True)
class _Asked:
    """The answers and the cost of a model."""

    answers: Answers | None
    cost: Cost | None


async def check_model(test: PlacedModels) -> list[ModelResult]:
    """Start the model, then its champion, and return the results of the tests."""
    gates = test.gates()
    results: list[ModelResult] = []
    try:
        async with _started(test.model):
            results += _examples_passed(test.model)
            results += await run_boundary_tests(test.model)
            own = await _ask(test, test.model)
    except DatmoError as error:
        return [ModelResult("contract", "load and examples", "failed", error.what)]
    other = await _ask_champion(test)
    if test.rows is None:
        results += [ModelResult("gate", gate.text, "undecided", test.no_rows) for gate in gates]
    elif own.answers is not None:
        results += judge_gates(gates, test.rows, own.answers, other.answers if other else None)
    return results + compare_costs(own.cost, other.cost if other else None)


@asynccontextmanager
async def _started(model: ServedModel) -> AsyncIterator[None]:
    """Start the workers of a model, and end them with the block."""
    await model.start()
    try:
        yield
    finally:
        await model.pool.stop()


def _examples_passed(model: ServedModel) -> list[ModelResult]:
    """Return the result of the examples, which a model that has started answered."""
    has_examples = bool(model.contract and model.contract.example_request())
    return [ModelResult("contract", "load and examples", "passed")] if has_examples else []


async def _ask_champion(test: PlacedModels) -> _Asked | None:
    """Return the answers of the champion; None if there is no champion."""
    if test.champion is None:
        return _Asked(Answers(None, test.no_champion), None) if test.no_champion else None
    try:
        async with _started(test.champion):
            return await _ask(test, test.champion)
    except DatmoError as error:
        return _Asked(Answers(None, error.what), None)


async def _ask(test: PlacedModels, model: ServedModel) -> _Asked:
    """Return the answers of a model to the held-out rows, and its cost."""
    answers = await ask_held_out(model, test.rows) if test.rows else None
    request = _usual_request(test, model)
    if not request:
        return _Asked(answers, None)
    try:
        return _Asked(answers, await measure_cost(model, request))
    except (RefusedRequest, ModelFailed, BrokenOutput):
        # The other tests tell of the error.
        return _Asked(answers, None)


def _usual_request(test: PlacedModels, model: ServedModel) -> Sequence[NamedTensor]:
    """Return the first held-out row as a request, else the examples, else nothing."""
    if test.rows is not None:
        _, tensors = next(test.rows.requests(model.contract))
        return [tensor.slice_rows(0, 1) for tensor in tensors]
    return test.model.contract.example_request() if test.model.contract else ()
