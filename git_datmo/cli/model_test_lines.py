"""Show the recorded tests of an experiment's model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from git_datmo.cli.text_tables import shorten
from git_datmo.records.model_test_record import ModelTest
from git_datmo.report.model_tests_shown import problem_words, problems_of, summary_words
from git_datmo.sizes import show_count

_MOST = 10


def model_test_summaries(tests: Iterable[ModelTest]) -> Iterator[str]:
    """Yield a line for each test: the verdict, counts, the author, and the first problem."""
    for test in tests:
        first = "".join(f": {shorten(problem_words(each))}" for each in problems_of(test)[:1])
        yield f"test {shorten(summary_words(test))}, by {shorten(test.author.name)}{first}"


def model_test_lines(tests: Iterable[ModelTest]) -> Iterator[str]:
    """Yield the lines of tests: the verdict, and below it each problem."""
    for test in tests:
        yield f"test:        {shorten(summary_words(test))}, by {shorten(test.author.name)}"
        problems = problems_of(test)
        yield from (f"             {shorten(problem_words(each))}" for each in problems[:_MOST])
        if len(problems) > _MOST:
            yield f"             and {show_count(len(problems) - _MOST, 'other')}"


def model_test_documents(tests: Iterable[ModelTest]) -> list[dict[str, Any]]:
    """Return the key `tests` of the JSON document of an experiment."""
    return [
        {
            "verdict": test.verdict,
            "champion": None if test.champion is None else str(test.champion),
            "passed": test.counts["passed"],
            "failed": test.counts["failed"],
            "undecided": test.counts["undecided"],
            "problems": [
                {
                    "kind": each.kind,
                    "name": each.name,
                    "outcome": each.outcome,
                    "message": each.message,
                }
                for each in problems_of(test)
            ],
            "author": test.author.name,
            "created": test.created,
        }
        for test in tests
    ]
