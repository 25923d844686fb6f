"""Test the verdict that follows from the results of a model's tests."""

from __future__ import annotations

import pytest

from git_datmo.cli.model_test_formats import make_markdown, text_lines
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


def test_many_passed_results_are_a_single_line() -> None:
    results = [ModelResult("contract", f"p{n}", "passed") for n in range(30)]
    results += [ModelResult("gate", "flips <= 2%", "failed", "flips 0.1")]
    lines = ["passed     contract  30 tests", "failed     gate      flips <= 2%: flips 0.1"]
    assert text_lines(results) == [*lines, "failed: 31 tests, 1 failed, 0 undecided"]
    assert "p1" not in make_markdown(results, "4" * 40, None)
    assert len(text_lines(results[11:])) == 21


def test_verdict_of_nothing_says_why() -> None:
    assert text_lines([])[0].startswith("undecided: nothing to test: the snapshot has no contract")
