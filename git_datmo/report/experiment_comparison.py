"""Compare any number of experiments: values that differ, values that are equal, and metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.history.experiments import Found
from git_datmo.progress import Progress
from git_datmo.query.aggregate import Summary, summarise, to_float
from git_datmo.query.evaluate import as_number
from git_datmo.query.goals import known_goal
from git_datmo.query.names import METRICS, Names
from git_datmo.records.record_values import Value
from git_datmo.report.chosen_experiments import ChosenExperiments
from git_datmo.report.experiment_list import GroupedList, group_experiments
from git_datmo.report.value_rows import ID_LENGTH, ValueRow, value_rows
from git_datmo.repository.workspace import Workspace


@dataclass(frozen=True, slots=True)
class MetricValues:
    """A metric of one experiment. Without a curve, all but `last` are None.

    `best` is None too if it is not known which values are better.
    """

    last: Value | None
    min: Value | None = None
    max: Value | None = None
    best: Value | None = None


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric of all experiments; None for an experiment without it.

    `goal` is `min` or `max`, or '' if it is not known which values are better. `summary` is that
    of the last values. `best` is the index of the experiment with the best last value, or None.
    """

    name: str
    goal: str
    values: tuple[MetricValues | None, ...]
    summary: Summary | None
    best: int | None

    @property
    def has_curve(self) -> bool:
        """Return True if an experiment has a curve of the metric."""
        return any(each is not None and each.min is not None for each in self.values)


@dataclass(frozen=True, slots=True)
class ExperimentComparison:
    """Experiments side by side. `groups` is None unless they were grouped."""

    founds: tuple[Found, ...]
    different: tuple[ValueRow, ...]
    equal: tuple[ValueRow, ...]
    metrics: tuple[MetricRow, ...]
    groups: GroupedList | None


def compare_experiments(
    ws: Workspace,
    chosen: ChosenExperiments,
    *,
    group_by: str = "",
    metrics: Sequence[str] = (),
    progress: Progress,
) -> ExperimentComparison:
    """Return the comparison of experiments, limited to some `metrics` if there are any.

    Raises `DatmoError` for a metric that no experiment has.
    """
    founds = chosen.founds
    names = find_metrics(founds, chosen.listed.names, metrics)
    rows = list(value_rows(ws, founds, progress))
    rows += _other_files(founds, rows)
    full = [METRICS + name for name in names]
    return ExperimentComparison(
        founds,
        tuple(row for row in rows if row.differs),
        tuple(row for row in rows if not row.differs),
        tuple(make_metric_row(founds, name) for name in names),
        group_experiments(chosen.listed, group_by, full) if group_by else None,
    )


def find_metrics(founds: Sequence[Found], names: Names, asked: Sequence[str]) -> list[str]:
    """Return the names of the metrics `asked`, or of all if there are none."""
    known = {name for found in founds for name in (*found.snapshot.metrics, *found.snapshot.curves)}
    for name in asked:
        full = name if name in known else names.find(name)
        if full.removeprefix(METRICS) not in known:
            raise DatmoError(
                f"'{full}' is not a metric", "'git datmo log' shows the metrics of experiments"
            )
    if asked:
        return [name if name in known else names.find(name)[len(METRICS) :] for name in asked]
    return sorted(known)


def _other_files(founds: Sequence[Found], rows: Sequence[ValueRow]) -> list[ValueRow]:
    """Return a row for environments that differ, although no value of theirs does."""
    contents = [found.snapshot.environment for found in founds]
    if len(set(contents)) < 2 or any(row.differs for row in rows if row.section == "environment"):
        return []
    ids = (str(each.object)[:ID_LENGTH] if each is not None else None for each in contents)
    return [ValueRow("environment", "other files", tuple(ids))]


def make_metric_row(founds: Sequence[Found], name: str) -> MetricRow:
    """Return the values of a metric in all experiments."""
    values = tuple(_values_of(found, name) for found in founds)
    goal = goal_of_metric(founds, name)
    last = [_number(each.last) if each is not None else None for each in values]
    known = [number for number in last if number is not None]
    return MetricRow(name, goal, values, summarise(known), _best_index(last, goal))


def goal_of_metric(founds: Sequence[Found], name: str) -> str:
    """Return the goal that a record has for a metric, or its name tells; '' if neither does."""
    curves = (found.snapshot.curves.get(name) for found in founds)
    recorded = {curve.goal for curve in curves if curve is not None and curve.goal}
    # Records that disagree tell nothing.
    return recorded.pop() if len(recorded) == 1 else known_goal(name)


def _values_of(found: Found, name: str) -> MetricValues | None:
    curve = found.snapshot.curves.get(name)
    last = found.snapshot.metrics.get(name)
    if curve is not None:
        return MetricValues(last, curve.min, curve.max, curve.best)
    return MetricValues(last) if last is not None else None


def _number(value: Value | None) -> float | None:
    number = as_number(value)
    return None if number is None else to_float(number)


def _best_index(numbers: Sequence[float | None], goal: str) -> int | None:
    """Return the index of the first best number; None without a goal, or for fewer than two."""
    known = [
        (number, index)
        for index, number in enumerate(numbers)
        # NaN is neither less nor more, and would hide the best number.
        if number is not None and not math.isnan(number)
    ]
    if not goal or len(known) < 2:
        return None
    choose = min if goal == "min" else max
    return choose(known, key=lambda pair: pair[0])[1]
