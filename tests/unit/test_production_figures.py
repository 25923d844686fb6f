"""Test the figures of served snapshots, which are made of events that anybody may have written."""

from __future__ import annotations

from typing import Any

import pytest

from git_datmo.serving.event_log import OUTCOME, PREDICTION, REFUSAL, event_of
from git_datmo.serving.event_reader import once
from git_datmo.serving.production_figures import MOST_ROWS, recorded_beside, sum_up
from tests.support.feedback_events import outcome, prediction, prediction_id, refusal

SNAPSHOT = "ab" * 20


def test_outcomes_are_compared_with_their_predictions_in_any_order() -> None:
    events = [
        outcome(SNAPSHOT, 1, {"y": 5}, row=1, later=2),
        outcome(SNAPSHOT, 1, {"y": 9}, row=1, later=1),
        outcome(SNAPSHOT, 1, {"y": 1}),
        outcome(SNAPSHOT, 7, {"y": 1}),
        outcome(SNAPSHOT, 1, {"y": 1}, row=5),
        refusal(SNAPSHOT, 3, "a", "maximum"),
        prediction(SNAPSHOT, 1, {"a": [1, 2]}, {"y": [1, 2]}),
        prediction(SNAPSHOT, 1, {"a": [1, 2]}, {"y": [1, 2]}),
    ]
    (figures,) = sum_up(once(events))
    assert (figures.predictions, figures.rows, figures.refusals) == (1, 2, 1)
    assert (figures.outcomes, figures.unmatched) == (4, 1)
    assert figures.refused == {("a", "maximum"): 1}
    found = figures.fields["y"].metrics()
    assert found["accuracy"] == 0.5
    assert found["mean_absolute_error"] == 1.5
    assert found["root_mean_squared_error"] == pytest.approx(4.5**0.5)
    assert list(figures.values["input", "a"]) == [1, 2]


def test_numbers_with_fractions_have_no_accuracy() -> None:
    events = [prediction(SNAPSHOT, 1, {}, {"y": [1.5]}), outcome(SNAPSHOT, 1, {"y": 2})]
    (figures,) = sum_up(events)
    assert set(figures.fields["y"].metrics()) == {"mean_absolute_error", "root_mean_squared_error"}


def test_text_and_booleans_have_no_errors_of_numbers() -> None:
    events = [
        prediction(SNAPSHOT, 1, {}, {"y": ["cat", True, 10**400]}),
        *(outcome(SNAPSHOT, 1, {"y": y}, row=row) for row, y in enumerate(("cat", 1, 10**400))),
    ]
    (figures,) = sum_up(events)
    assert figures.fields["y"].metrics() == {"accuracy": pytest.approx(2 / 3)}


def test_only_the_newest_values_are_kept() -> None:
    events = [
        prediction(SNAPSHOT, 2, {"a": [2] * MOST_ROWS}, {}),
        prediction(SNAPSHOT, 1, {"a": [1]}, {}),
    ]
    (figures,) = sum_up(events)
    assert set(figures.values["input", "a"]) == {2}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (PREDICTION, {"rows": "x", "inputs": 3, "outputs": None}),
        (PREDICTION, {"rows": True, "inputs": {"a": 1}, "outputs": {"y": {"z": []}}}),
        (REFUSAL, {"violations": [3, {"field": None}, {}]}),
        (REFUSAL, {"violations": 7}),
        (OUTCOME, {}),
        (OUTCOME, {"prediction": prediction_id(SNAPSHOT, 1), "row": "0", "outcome": {"y": 1}}),
        (OUTCOME, {"prediction": "", "row": -1, "outcome": [1]}),
    ],
)
def test_events_of_another_form_count_and_do_no_harm(kind: str, data: dict[str, Any]) -> None:
    events = [event_of(kind, SNAPSHOT, data, event_id="x", seconds=1.0)]
    (figures,) = sum_up([*events, prediction(SNAPSHOT, 1, {"a": [1]}, {"y": [1]})])
    assert figures.fields == {}
    assert figures.predictions == 1 + (kind == PREDICTION)


@pytest.mark.parametrize(
    ("metric", "names"),
    [
        ("accuracy", ["accuracy", "val/accuracy", "test.Acc", "y accuracy"]),
        ("mean_absolute_error", ["mae", "val_mean_absolute_error"]),
        ("root_mean_squared_error", ["RMSE"]),
    ],
)
def test_recorded_metrics_are_found_by_the_end_of_their_names(
    metric: str, names: list[str]
) -> None:
    others = ["train/accuracy", "training_mae", "inaccuracy", "accuracy_loss", "loss", "", "_"]
    recorded = ["accuracy", "val/accuracy", "test.Acc", "y accuracy", "mae"]
    recorded += ["val_mean_absolute_error", "RMSE"]
    assert list(recorded_beside(metric, [*recorded, *others])) == names
