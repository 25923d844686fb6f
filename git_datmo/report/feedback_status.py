"""Show served models in production beside their recorded experiments.

The events are those of collected batches, of any clone, and those of a log, each once. The values
of a field are compared with the profile that a check of the experiment's data recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from git_datmo.contracts.population_stability import Stability, compare_profiles
from git_datmo.contracts.profile_values import profile_values
from git_datmo.errors import DatmoError
from git_datmo.history.experiments import Found, History
from git_datmo.model import Oid
from git_datmo.progress import Progress
from git_datmo.records.feedback_record import Feedback
from git_datmo.records.field_profile import FieldProfile
from git_datmo.records.record_values import Value
from git_datmo.report.experiment_checks import ExperimentChecks
from git_datmo.repository.workspace import Workspace
from git_datmo.serving.event_reader import (
    event_key,
    log_files,
    once,
    read_events,
    snapshot_of,
)
from git_datmo.serving.feedback_batches import FeedbackBatch, batch_events, find_batches
from git_datmo.serving.production_figures import (
    SHORT,
    SnapshotEvents,
    recorded_beside,
    sum_up,
)


@dataclass(frozen=True, slots=True)
class ProductionMetric:
    """Metric of a field in production, and the recorded metrics that measure the same."""

    field: str
    metric: str
    value: float
    count: int
    recorded: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class FieldStability:
    """Values of a field in production, compared with those of the recorded data.

    `side` is `input` or `output`. `file` is the contract of the check that has the profile.
    """

    side: str
    field: str
    rows: int
    stability: Stability
    file: str


@dataclass(frozen=True, slots=True)
class SnapshotFeedback:
    """Feedback on a served snapshot. `found` is None if this clone does not have it.

    `batches` counts the collected batches, and `absent` those whose events are not here.
    `uncollected` counts the events of the log that are in no batch.
    """

    events: SnapshotEvents
    found: Found | None
    metrics: tuple[ProductionMetric, ...]
    stabilities: tuple[FieldStability, ...]
    batches: int
    absent: int
    uncollected: int = 0

    @property
    def recorded(self) -> Mapping[str, Value]:
        """Return all recorded metrics of the snapshot."""
        return self.found.snapshot.metrics if self.found is not None else {}


def read_feedback(
    ws: Workspace,
    history: History,
    log: Path | None,
    progress: Progress | None,
    *,
    snapshot: str = "",
) -> list[SnapshotFeedback]:
    """Return the feedback on each served snapshot, or on the one with the id `snapshot`.

    Missing events of collected batches are fetched; without `progress`, nothing is fetched.
    """
    batches = [
        each
        for each in find_batches(ws, history)
        if not snapshot or str(each.feedback.snapshot) == snapshot
    ]
    events: list[dict[str, Any]] = []
    absent: set[Oid] = set()
    for batch in batches:
        try:
            events += list(batch_events(ws, batch, progress))
        except DatmoError:
            absent.add(batch.id)
    collected = set(map(event_key, events))
    logged = list(read_events(log_files(log))) if log is not None else []
    if snapshot:
        logged = [event for event in logged if snapshot_of(event)[:SHORT] == snapshot[:SHORT]]
    new = [event for event in logged if event_key(event) not in collected]
    uncollected = Counter(snapshot_of(event)[:SHORT] for event in new)
    checks = ExperimentChecks(ws, history)
    by_snapshot = _by_snapshot(batches)
    figures = {each.snapshot: each for each in sum_up(once([*events, *new]))}
    for short in by_snapshot:
        figures.setdefault(short, SnapshotEvents(short))
    described = [
        _describe(history, checks, each, by_snapshot.get(short, ()), absent)
        for short, each in figures.items()
    ]
    return [replace(each, uncollected=uncollected[each.events.snapshot]) for each in described]


def read_batch(
    ws: Workspace, history: History, batch: FeedbackBatch, progress: Progress
) -> tuple[SnapshotFeedback, ...]:
    """Return the feedback of a batch alone, of each snapshot that its events name.

    Missing events are fetched. Raises `Incomplete` if they are not available.
    """
    checks = ExperimentChecks(ws, history)
    figures = sum_up(once(batch_events(ws, batch, progress)))
    return tuple(_describe(history, checks, each, [batch], set()) for each in figures)


def has_feedback(history: History, snapshot: str) -> bool:
    """Return True if a batch of the snapshot with this id was collected."""
    return bool(history.catalog.about(snapshot, Feedback.kind))


def _by_snapshot(batches: Iterable[FeedbackBatch]) -> dict[str, list[FeedbackBatch]]:
    """Return the batches of each snapshot, by the beginning of its id."""
    found: dict[str, list[FeedbackBatch]] = {}
    for batch in batches:
        found.setdefault(str(batch.feedback.snapshot)[:SHORT], []).append(batch)
    return found


def _describe(
    history: History,
    checks: ExperimentChecks,
    events: SnapshotEvents,
    batches: Sequence[FeedbackBatch],
    absent: set[Oid],
) -> SnapshotFeedback:
    """Return the feedback on a snapshot."""
    found = history.by_id(events.snapshot)
    recorded = found.snapshot.metrics if found is not None else {}
    return SnapshotFeedback(
        events,
        found,
        tuple(_metrics(events, recorded)),
        tuple(_stabilities(events, _profiles(checks, found))),
        len(batches),
        sum(each.id in absent for each in batches),
    )


def _metrics(events: SnapshotEvents, recorded: Mapping[str, Value]) -> Iterator[ProductionMetric]:
    """Yield the metrics of each field with outcomes."""
    for name, figures in sorted(events.fields.items()):
        for metric, value in figures.metrics().items():
            beside = {key: recorded[key] for key in recorded_beside(metric, recorded)}
            yield ProductionMetric(name, metric, value, figures.count, beside)


def _profiles(checks: ExperimentChecks, found: Found | None) -> dict[str, tuple[FieldProfile, str]]:
    """Return the profile of each field of a snapshot's data, with the contract's file."""
    profiles: dict[str, tuple[FieldProfile, str]] = {}
    if found is not None:
        known = checks.records(str(found.id), found.commit)
        # A clone without the trees of the data cannot tell which check is theirs.
        for check in known or checks.at(found.snapshot.commit):
            for each in check.profiles:
                profiles.setdefault(each.field, (each.profile, check.file))
    return profiles


def _stabilities(
    events: SnapshotEvents, profiles: Mapping[str, tuple[FieldProfile, str]]
) -> Iterator[FieldStability]:
    """Yield the comparison of each field that the recorded data have, too."""
    for (side, name), values in sorted(events.values.items()):
        known, current = profiles.get(name), profile_values(values)
        if known is not None and current is not None:
            reference, file = known
            stability = compare_profiles(reference, current)
            yield FieldStability(side, name, current.rows, stability, file)


def feedback_document(feedback: SnapshotFeedback) -> dict[str, Any]:
    """Return the document of a snapshot's feedback, for `--json` and for the page."""
    events = feedback.events
    return {
        "snapshot": events.snapshot,
        "first": events.first,
        "last": events.last,
        "batches": feedback.batches,
        "absent": feedback.absent,
        "uncollected": feedback.uncollected,
        "predictions": events.predictions,
        "rows": events.rows,
        "refusals": events.refusals,
        "refused": [
            {"field": name, "rule": rule, "count": count}
            for (name, rule), count in sorted(events.refused.items())
        ],
        "outcomes": events.outcomes,
        "unmatched": events.unmatched,
        "metrics": [
            {
                "field": each.field,
                "metric": each.metric,
                "production": each.value,
                "count": each.count,
                "recorded": dict(each.recorded),
            }
            for each in feedback.metrics
        ],
        "stability": [
            {
                "field": each.field,
                "side": each.side,
                "rows": each.rows,
                "index": each.stability.index,
                "is_large": each.stability.is_large,
                "contract": each.file,
            }
            for each in feedback.stabilities
        ],
        "recorded": dict(feedback.recorded),
    }
