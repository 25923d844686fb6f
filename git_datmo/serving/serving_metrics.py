"""Count requests, and write the counts in Prometheus' text format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from git_datmo.serving.served_model import ServedModel
from git_datmo.serving.side_models import SideModel

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class ServingMetrics:
    """Counts of answered requests by snapshot and status, of violations, and of seconds.

    `refused_snapshots` has the commits of a followed branch, and the step that refused them.
    """

    answered: Counter[tuple[str, int]] = field(default_factory=Counter)
    violations: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    broken_outputs: Counter[str] = field(default_factory=Counter)
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0
    swaps: int = 0
    failed_fetches: int = 0
    refused_snapshots: Counter[tuple[str, str]] = field(default_factory=Counter)

    def observe(self, snapshot: str, status: int, seconds: float) -> None:
        """Count a request."""
        self.answered[snapshot, status] += 1
        self.seconds += seconds
        index = next((i for i, limit in enumerate(BUCKETS) if seconds <= limit), len(BUCKETS))
        self.buckets[index] += 1

    def text(
        self, model: ServedModel | None, lost: int = 0, sides: Sequence[SideModel] = ()
    ) -> str:
        """Return all counts, and the state of the model that answers.

        `lost` is the number of events that could not be stored, `sides` are shadow and canary.
        """
        lines = ["# TYPE datmo_requests_total counter"]
        for (snapshot, status), count in sorted(self.answered.items()):
            labels = _labels(snapshot=snapshot, status=str(status))
            lines.append(f"datmo_requests_total{labels} {count}")
        lines.append("# TYPE datmo_violations_total counter")
        for (snapshot, name, rule), count in sorted(self.violations.items()):
            labels = _labels(snapshot=snapshot, field=name, rule=rule)
            lines.append(f"datmo_violations_total{labels} {count}")
        lines.append("# TYPE datmo_broken_outputs_total counter")
        for snapshot, count in sorted(self.broken_outputs.items()):
            lines.append(f"datmo_broken_outputs_total{_labels(snapshot=snapshot)} {count}")
        lines.append("# TYPE datmo_request_seconds histogram")
        total = 0
        for limit, count in zip((*BUCKETS, "+Inf"), self.buckets, strict=True):
            # A bucket of Prometheus counts all smaller ones, too.
            total += count
            lines.append(f'datmo_request_seconds_bucket{{le="{limit}"}} {total}')
        lines += [f"datmo_request_seconds_sum {self.seconds}"]
        lines += [f"datmo_request_seconds_count {total}"]
        lines += ["# TYPE datmo_lost_events_total counter", f"datmo_lost_events_total {lost}"]
        lines += self._follow_lines()
        lines += [line for side in sides for line in _side_lines(side)]
        if model is not None:
            lines += _model_lines(model)
        return "\n".join(lines) + "\n"

    def _follow_lines(self) -> list[str]:
        """Return the counts of a server that follows a branch."""
        lines = [
            "# TYPE datmo_swaps_total counter",
            f"datmo_swaps_total {self.swaps}",
            "# TYPE datmo_failed_fetches_total counter",
            f"datmo_failed_fetches_total {self.failed_fetches}",
            "# TYPE datmo_refused_snapshots_total counter",
        ]
        for (commit, reason), count in sorted(self.refused_snapshots.items()):
            labels = _labels(commit=commit, reason=reason)
            lines.append(f"datmo_refused_snapshots_total{labels} {count}")
        return lines


def _side_lines(side: SideModel) -> Iterator[str]:
    """Yield the results of the requests to a shadow or a canary."""
    name = f"datmo_{side.role}_requests_total"
    yield f"# TYPE {name} counter"
    for result, count in sorted(side.counts.items()):
        yield f"{name}{_labels(snapshot=side.model.version, result=result)} {count}"


def _model_lines(model: ServedModel) -> list[str]:
    pool, labels = model.pool, _labels(snapshot=model.version)
    return [
        "# TYPE datmo_workers gauge",
        f"datmo_workers{labels} {pool.alive}",
        "# TYPE datmo_waiting_requests gauge",
        f"datmo_waiting_requests{labels} {pool.waiting}",
        "# TYPE datmo_worker_deaths_total counter",
        f"datmo_worker_deaths_total{labels} {pool.deaths}",
    ]


def _labels(**labels: str) -> str:
    """Return labels; backslash, quote and line end are escaped."""
    escaped = (
        '{}="{}"'.format(name, value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n"))
        for name, value in labels.items()
    )
    return "{" + ",".join(escaped) + "}"
