"""Test that a training goes on, and keeps its other values, whatever it asks to be logged."""

from __future__ import annotations

import enum
import warnings
from collections import UserDict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from git_datmo.runs.logged_calls import LoggedCalls, read_calls
from git_datmo.tracking import artifacts, training
from git_datmo.tracking.run_logger import VARIABLE, RunLogger


class Broken:
    """Fail at everything."""

    ndim = 0

    def item(self) -> Any:
        raise RuntimeError("no item")

    def __float__(self) -> float:
        raise RuntimeError("a tensor with 2 elements")

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class BrokenMapping(UserDict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError("no items")


class Size(enum.IntEnum):
    SMALL = 1


ENDLESS: dict[str, Any] = {}
ENDLESS["self"] = ENDLESS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a surrounding run that this process logs to."""
    (tmp_path / "calls").mkdir()
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setattr(training._State, "current", None)
    return tmp_path


def warned(call: Callable[[], object], text: str) -> None:
    """Require exactly one warning with a text."""
    with pytest.warns(RuntimeWarning, match=text) as caught:
        call()
    assert len(caught) == 1


def logged(folder: Path) -> LoggedCalls:
    return read_calls(folder)


METRICS: list[tuple[Any, ...]] = [
    ("loss", Broken()),
    ("loss", 1j),
    ("loss", None),
    ("loss", 10**400),
    ("loss", 1, 10**400),
    ("loss", 1, 10**5000),
    ("loss", 1, Broken()),
    ("loss", 1, "two"),
    (Broken(), 1),
    (Broken(), Broken()),
    ([], 1),
    (5, 1),
]


@pytest.mark.parametrize("call", METRICS, ids=lambda call: str(METRICS.index(call)))
def test_value_that_cannot_be_logged_is_one_warning(folder: Path, call: tuple[Any, ...]) -> None:
    run = RunLogger()
    warned(lambda: [run.log_metric(*call) for _ in range(2)], "a value of the metric")
    run.log_metric("kept", True, 3)
    assert logged(folder).metrics == {"kept": 1.0}


@pytest.mark.parametrize("values", [None, [1], 5, BrokenMapping(), ENDLESS, {Broken(): 1}])
def test_mapping_that_cannot_be_read_is_one_warning(folder: Path, values: Any) -> None:
    run = RunLogger()
    warned(lambda: [run.log_params(values) for _ in range(2)], "parameters are not logged")
    warned(lambda: [run.log_metrics(values) for _ in range(2)], "not logged")
    run.log_params({"kept": 1})
    assert logged(folder).parameters == {"kept": 1}


def test_parameter_that_cannot_be_logged_does_not_cost_the_others(folder: Path) -> None:
    run = RunLogger()
    values = UserDict(rate=Decimal("0.1"), size=Size.SMALL, bad=Broken(), big=10**5000, none=None)
    with pytest.warns(RuntimeWarning, match="'model.bad' is not logged: no item"):
        run.log_params({"model": values, "numbers": (1, {2})})
    found = logged(folder).parameters
    assert found.pop("model.big") == hex(10**5000)
    assert found == {"model.rate": "0.1", "model.size": 1, "numbers.0": 1, "numbers.1": "{2}"}


def test_step_after_a_whole_one_of_any_type_follows_it(folder: Path) -> None:
    run = RunLogger()
    for step in (7, None, 20.0, None, 2.5, None):
        run.log_metric("loss", 1, step)
    assert list(logged(folder).curves["loss"].steps) == [7, 8, 20, 21, 2.5, 22]


def test_run_takes_messages_and_tags_of_any_type(folder: Path) -> None:
    begin: Any = training.run
    begin(5, why=Broken(), tags="one tag", params={"lr": 1})
    begin(None, tags=None, resume=7)
    warned(lambda: begin(tags=5), "tags are not logged")
    begin(tags=["", "two"])
    found = logged(folder)
    assert (found.tags, found.parameters, found.attempt) == (["one tag", "two"], {"lr": 1}, "7")


def test_artifact_that_cannot_be_kept_is_a_warning(folder: Path) -> None:
    keep: Any = artifacts
    calls: list[Any] = [
        lambda: keep.log_text(Broken(), "text"),
        lambda: keep.log_text("name", Broken()),
        lambda: keep.log_artifact(None),
        lambda: keep.log_artifact(5, Broken()),
        lambda: keep.log_model({}, Broken()),
        lambda: keep.log_image("image", [[float("nan")]]),
    ]
    for call in calls:
        training._State.current = None
        with pytest.warns(RuntimeWarning, match="artifact .* is not logged"):
            call()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        keep.log_text("../../kept", "text")
    assert [path.parent.name for path in folder.rglob("*kept*.txt")] == ["texts"]
