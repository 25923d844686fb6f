"""Judge the gates of a contract by the answers to the held-out rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from git_datmo.model_tests.gate_language import Gate
from git_datmo.model_tests.gate_metrics import NoMetric, compute_metric
from git_datmo.model_tests.held_out_rows import HeldOutRows, describe_refusal
from git_datmo.model_tests.model_results import ModelResult, Outcome
from git_datmo.serving.named_tensors import NamedTensor, RefusedRequest
from git_datmo.serving.served_model import BrokenOutput, ServedModel
from git_datmo.serving.worker_process import ModelFailed
from git_datmo.sizes import show_count

_MOST_SLICES = 100
_NO_CHAMPION = "there is no champion: name one with --against"


class NoAnswers(Exception):
    """Error of a model that does not answer the held-out rows."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of a model to the held-out rows, or the reason why it has none."""

    values: tuple[Any, ...] | None
    problem: str = ""


async def ask_held_out(model: ServedModel, rows: HeldOutRows) -> Answers:
    """Return the answers of a model to the held-out rows."""
    values: list[Any] = []
    try:
        for start, tensors in rows.requests(model.contract):
            values += await _ask(model, tensors, rows.output, start)
    except NoAnswers as error:
        return Answers(None, str(error))
    return Answers(tuple(values))


async def _ask(
    model: ServedModel, tensors: Sequence[NamedTensor], output: str, start: int
) -> list[Any]:
    """Return the answers to one request, whose first row has the number `start`."""
    rows = f"held-out rows from {start + 1} on"
    try:
        answer = await model.predict(tensors)
    except RefusedRequest as error:
        raise NoAnswers(f"{rows}: {describe_refusal(error)}") from error
    except ModelFailed as error:
        raise NoAnswers(f"{rows}: the model fails: {error}") from error
    except BrokenOutput as error:
        raise NoAnswers(f"{rows}: the answer breaks the contract: {error.message}") from error
    chosen = [each for each in answer if each.name == output or (not output and len(answer) == 1)]
    if not chosen:
        raise NoAnswers(f"the answer has no single output '{output or 'with the label'}'")
    values, wanted = chosen[0].values(), tensors[0].rows if tensors else 0
    if len(values) != wanted:
        raise NoAnswers(f"{rows}: the answer has {len(values)} values for {wanted} rows")
    return values


def judge_gates(
    gates: Sequence[Gate], rows: HeldOutRows, model: Answers, champion: Answers | None
) -> list[ModelResult]:
    """Return a result for each gate, and each slice of it."""
    return [
        _judge(gate, name, indices, rows, model, champion)
        for gate in gates
        for name, indices in _slices(gate, rows)
    ]


def _slices(gate: Gate, rows: HeldOutRows) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the name and the rows of each slice that a gate is about."""
    if not gate.field:
        yield gate.text, tuple(range(len(rows.labels)))
        return
    texts = rows.texts.get(gate.field, ())
    if gate.value is not None:
        yield gate.text, tuple(n for n, text in enumerate(texts) if text == gate.value)
        return
    values = sorted(set(texts))
    if not 0 < len(values) <= _MOST_SLICES:
        yield gate.text, ()
        return
    for value in values:
        chosen = tuple(n for n, text in enumerate(texts) if text == value)
        yield f"{gate.text} ({gate.field} = {value})", chosen


def _judge(
    gate: Gate,
    name: str,
    indices: tuple[int, ...],
    rows: HeldOutRows,
    model: Answers,
    champion: Answers | None,
) -> ModelResult:
    """Judge a gate on the rows of a slice."""
    if not indices:
        return ModelResult("gate", name, "undecided", _why_no_rows(gate, rows))
    if model.values is None:
        return ModelResult("gate", name, "failed", model.problem)
    if gate.needs_champion and (champion is None or champion.values is None):
        problem = champion.problem if champion else ""
        reason = f"the champion does not answer: {problem}" if problem else _NO_CHAMPION
        return ModelResult("gate", name, "undecided", reason)
    labels = [rows.labels[n] for n in indices]
    answers = [model.values[n] for n in indices]
    others = [champion.values[n] for n in indices] if champion and champion.values else None
    return ModelResult("gate", name, *_compare(gate, labels, answers, others))


def _compare(
    gate: Gate, labels: Sequence[Any], answers: Sequence[Any], others: Sequence[Any] | None
) -> tuple[Outcome, str]:
    """Return the outcome of a gate, and the metrics of the model and the champion."""
    try:
        found = compute_metric(gate.metric, labels, answers, others)
    except NoMetric as error:
        return "failed", str(error)
    shown, base = f"{gate.metric} {_number(found)}", None
    if others is not None and gate.metric != "flips":
        try:
            base = compute_metric(gate.metric, labels, others, None)
            shown += f", champion {_number(base)}"
        except NoMetric as error:
            if gate.is_relative:
                return "undecided", f"the champion: {error}"
    holds = gate.holds(found, base)
    return "passed" if holds else "failed", f"{shown}, {show_count(len(labels), 'row')}"


def _why_no_rows(gate: Gate, rows: HeldOutRows) -> str:
    """Return the reason why a slice has no rows."""
    if gate.field not in rows.texts:
        return f"the held-out data have no column '{gate.field}'"
    if gate.value is None:
        return f"'{gate.field}' has more than {_MOST_SLICES} values"
    return f"no held-out row has '{gate.field}' = '{gate.value}'"


def _number(value: Fraction) -> str:
    return f"{float(value):.6g}"
