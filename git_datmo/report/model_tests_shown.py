"""Choose and describe the recorded tests of a snapshot's model."""

from __future__ import annotations

from git_datmo.history.experiments import History
from git_datmo.records.model_test_record import ModelTest, RecordedResult
from git_datmo.sizes import show_count


def newest_tests(history: History, snapshot: str) -> tuple[ModelTest, ...]:
    """Return the newest test of a snapshot's model beside each champion, the newest first."""
    newest = {test.champion: test for test in history.about(snapshot, ModelTest)}
    return tuple(sorted(newest.values(), key=lambda test: test.created, reverse=True))


def problems_of(test: ModelTest) -> tuple[RecordedResult, ...]:
    """Return the results that kept a model from passing: failed ones, then undecided ones."""
    return tuple(
        each
        for outcome in ("failed", "undecided")
        for each in test.results
        if each.outcome == outcome
    )


def summary_words(test: ModelTest) -> str:
    """Return the verdict of a test, its counts, and its champion."""
    counts = test.counts
    words = [
        f"{test.verdict}: {show_count(counts.total(), 'test')}",
        f"{counts['failed']} failed",
        f"{counts['undecided']} undecided",
    ]
    if test.champion is not None:
        words.append(f"champion {str(test.champion)[:10]}")
    return ", ".join(words)


def problem_words(result: RecordedResult) -> str:
    """Return the outcome, the name and the message of a result. It is text of a record."""
    message = f": {result.message}" if result.message else ""
    return f"{result.outcome} {result.kind} {result.name}{message}"
