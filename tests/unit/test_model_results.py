"""Test the verdict that follows from the results of a model's tests."""

from __future__ import annotations

import pytest

from git_datmo.model_tests.model_results import ModelResult, Outcome, verdict_of


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        (["passed", "advisory"], "passed"),
        (["passed", "undecided"], "undecided"),
        (["undecided", "failed", "passed"], "failed"),
        (["advisory"], "undecided"),
        ([], "undecided"),
    ],
)
def test_verdict_is_passed_only_if_a_test_decided(outcomes: list[Outcome], verdict: str) -> None:
    assert verdict_of(ModelResult("gate", "g", outcome) for outcome in outcomes) == verdict
