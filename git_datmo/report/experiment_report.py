"""Judge experiments against a base: what changed, and if each metric is better."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from git_datmo.errors import DatmoError
from git_datmo.history.experiments import Found, History, Revisions
from git_datmo.history.taken_feedback import LearnedFrom, TakenFeedback
from git_datmo.progress import Progress
from git_datmo.query.aggregate import to_float
from git_datmo.query.evaluate import as_number
from git_datmo.records.model_test_record import ModelTest
from git_datmo.records.record_values import Value
from git_datmo.report.experiment_checks import ContractCheck, ExperimentChecks
from git_datmo.report.experiment_comparison import goal_of_metric
from git_datmo.report.experiment_diff import ExperimentDiff, diff_experiments, is_same
from git_datmo.report.model_tests_shown import newest_tests
from git_datmo.repository.workspace import Workspace

BETTER, WORSE, SAME = "better", "worse", "same"
UNKNOWN, NEW, MISSING, CHANGED = "direction unknown", "new", "missing", "changed"


@dataclass(frozen=True, slots=True)
class JudgedMetric:
    """A metric of two experiments, and one of the verdicts above.

    `goal` is `min` or `max`, or '' if it is not known which values are better. `CHANGED` stands for
    values that are no numbers.
    """

    name: str
    before: Value | None
    after: Value | None
    goal: str
    verdict: str

    @property
    def difference(self) -> float | None:
        """Return the difference of two numbers, else None."""
        one, other = as_number(self.before), as_number(self.after)
        return None if one is None or other is None else to_float(other) - to_float(one)


@dataclass(frozen=True, slots=True)
class ExperimentReport:
    """An experiment beside its base; without one, `changes` and `metrics` have one side only.

    `checks` are those of the experiment's data against contracts, `tests` those of its model.
    `feedback` has the batches that the experiment learned from.
    """

    found: Found
    base: Found | None
    metrics: tuple[JudgedMetric, ...]
    changes: ExperimentDiff | None
    checks: tuple[ContractCheck, ...] = ()
    feedback: tuple[LearnedFrom, ...] = ()
    tests: tuple[ModelTest, ...] = ()

    @property
    def counts(self) -> Counter[str]:
        """Return how many metrics have each verdict."""
        return Counter(metric.verdict for metric in self.metrics)


def report_experiments(
    ws: Workspace,
    history: History,
    revisions: Sequence[str],
    base: str,
    *,
    progress: Progress,
) -> Iterator[ExperimentReport]:
    """Yield a report of the newest experiment of each revision.

    The base is the newest experiment of the revision `base`, or of the parents of the experiment's
    commit if `base` is ''. Raises `DatmoError` if a revision has no experiment.
    """
    against = _newest(ws, history, base) if base else None
    checks = ExperimentChecks(ws, history)
    taken = TakenFeedback(history)
    for revision in revisions:
        named = history.by_id(revision)
        found = named or _newest(ws, history, revision)
        other = against if base else _before(ws, history, found)
        if named is None and base and history.by_id(base) is None:
            # Where the base has moved on, its newer experiment is not what this one began from.
            is_new = _first(history, (revision, f"^{base}")) is not None
            other = against if is_new else found
        report = _report(ws, found, other, progress)
        yield replace(
            report,
            checks=checks.of(str(found.id), found.commit),
            feedback=taken.of_snapshot(found.snapshot),
            tests=newest_tests(history, str(found.id)),
        )


def _newest(ws: Workspace, history: History, revision: str) -> Found:
    """Return the newest experiment in the history of a revision."""
    named = history.by_id(revision)
    if named is not None:
        return named
    # An unknown revision is another error than one without experiments.
    ws.repo.resolve(revision)
    found = _first(history, (revision,))
    if found is None:
        raise DatmoError(
            f"'{revision}' has no experiment in its history", "'git datmo log' lists experiments"
        )
    return found


def _before(ws: Workspace, history: History, found: Found) -> Found | None:
    """Return the newest experiment before the commit of another one; None for the first."""
    parents = ws.repo.git.text("rev-list", "--parents", "-1", str(found.commit)).split()[1:]
    return _first(history, tuple(parents)) if parents else None


def _first(history: History, revisions: tuple[str, ...]) -> Found | None:
    """Return the newest experiment of revisions; snapshots that follow the data are none."""
    claims = (c for c in history.claims(Revisions(revisions)) if not c.row.follows)
    return next(iter(history.read_each(claims)), None)


def _report(
    ws: Workspace, found: Found, base: Found | None, progress: Progress
) -> ExperimentReport:
    """Return the report of one experiment."""
    before = base.snapshot.metrics if base is not None else {}
    founds = [found] if base is None else [base, found]
    metrics = tuple(
        judge_metric(
            name, before.get(name), found.snapshot.metrics.get(name), goal_of_metric(founds, name)
        )
        for name in sorted(before.keys() | found.snapshot.metrics.keys())
    )
    changes = diff_experiments(ws, base, found, progress=progress) if base is not None else None
    return ExperimentReport(found, base, metrics, changes)


def judge_metric(name: str, before: Value | None, after: Value | None, goal: str) -> JudgedMetric:
    """Return a metric with its verdict."""
    return JudgedMetric(name, before, after, goal, _verdict(before, after, goal))


def _verdict(before: Value | None, after: Value | None, goal: str) -> str:
    if before is None:
        return NEW
    if after is None:
        return MISSING
    one, other = as_number(before), as_number(after)
    if one is None or other is None:
        return SAME if is_same(before, after) else CHANGED
    return _verdict_on_numbers(to_float(one), to_float(other), goal)


def _verdict_on_numbers(old: float, new: float, goal: str) -> str:
    """Return the verdict on two numbers. A value that is no number is worse than every number."""
    both_nan = math.isnan(old) and math.isnan(new)
    if old == new or both_nan:
        return SAME
    if not goal:
        return UNKNOWN
    if math.isnan(new):
        return WORSE
    if math.isnan(old):
        return BETTER
    grew = new > old
    return BETTER if grew == (goal == "max") else WORSE
