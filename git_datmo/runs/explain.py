"""Explain why two experiments differ, by reruns with the parts of both combined."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from math import isfinite

from git_datmo.errors import DatmoError
from git_datmo.history.experiments import Found
from git_datmo.model import Payload, Role
from git_datmo.records.codec import number
from git_datmo.records.record_values import Value
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.attribution import (
    Attribution,
    Combination,
    all_orders,
    attribute,
    combinations,
    two_orders,
)
from git_datmo.runs.rerun import RerunOptions, rerun
from git_datmo.runs.rerun_folder import scratch_folder
from git_datmo.runs.rerun_inputs import require_objects
from git_datmo.runs.rerun_parts import PARTS, Parts, parts_of, require_run, swap


@dataclass(frozen=True, slots=True)
class Tried:
    """A combination of parts with its metrics.

    `metrics` is None if the rerun ended with another exit code. `exit_code` is None if the metrics
    come from a record.
    """

    combination: Combination
    metrics: Mapping[str, Value] | None
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Explained:
    """The parts that differ, and the share of each part in the change of each metric.

    `fixed` are parts that differ too, but that the engine cannot change.
    """

    parts: tuple[str, ...]
    fixed: tuple[str, ...]
    tried: tuple[Tried, ...]
    metrics: Mapping[str, Attribution]

    def ends(self, metric: str) -> tuple[float | None, float | None]:
        """Return a metric with no part and with all parts of the other experiment."""
        by = {tried.combination: tried.metrics for tried in self.tried}
        return _figure(by[frozenset()], metric), _figure(by[frozenset(self.parts)], metric)


def explain(
    ws: Workspace,
    one: Found,
    other: Found,
    options: RerunOptions,
    *,
    metrics: Iterable[str],
    quick: bool,
    notify: Callable[[int, int, Combination], None],
) -> Explained:
    """Rerun the combinations of the parts in which `one` and `other` differ.

    With `quick`, only combinations of two orders are rerun, and the metrics of both ends come from
    their records. `notify` is called before each rerun with its number, the total and the
    combination. Raises `DatmoError` if no part differs that the engine can change.
    """
    parts = (_without_earlier_outputs(one), _without_earlier_outputs(other))
    every = tuple(name for name in PARTS if swap(parts[0], name, parts[1]) != parts[0])
    fixed = tuple(name for name in every if name in options.fixed)
    differing = tuple(name for name in every if name not in fixed)
    if not differing:
        raise DatmoError(
            "the two experiments have the same code, data, env and params"
            + (", except for parts that this engine cannot change" if fixed else ""),
            "there is nothing to explain",
        )
    orders = two_orders(differing) if quick else all_orders(differing)
    # The records of both ends have their metrics, so a quick answer needs no reruns of them.
    ends = {frozenset[str](): one, frozenset(differing): other} if quick else {}
    options.engine.check()
    for found, own in zip((one, other), parts, strict=True):
        require_objects(ws, own.nodes(), found.id, options.progress)
    tried = [
        Tried(combination, found.snapshot.metrics, None) for combination, found in ends.items()
    ]
    wanted = [combination for combination in combinations(orders) if combination not in ends]
    for turn, combination in enumerate(wanted, 1):
        notify(turn, len(wanted), combination)
        tried.append(_try(ws, parts, combination, options, require_run(one).exit_code or 0))
    by = {each.combination: each.metrics for each in tried}
    names = tuple(metrics) or _numbers(by[frozenset()], by[frozenset(differing)])
    due = {name: attribute(orders, lambda c, name=name: _figure(by[c], name)) for name in names}  # type: ignore[misc]
    return Explained(differing, fixed, tuple(tried), due)


def _without_earlier_outputs(found: Found) -> Parts:
    """Return a run's inputs without outputs of an earlier run that this run overwrites.

    An earlier output that the run read is kept.
    """
    parts, run = parts_of(found), require_run(found)
    read = run.read.paths if run.read is not None else ()

    def is_data(payload: Payload) -> bool:
        """Return True if a payload is data, is not overwritten, or was read."""
        if payload.role is Role.DATA or payload.path not in run.outputs:
            return True
        return any(f"{path}/".startswith(f"{payload.path}/") for path in read)

    return replace(parts, data=tuple(filter(is_data, parts.data)))


def _try(
    ws: Workspace,
    parts: tuple[Parts, Parts],
    combination: Combination,
    options: RerunOptions,
    expected: int,
) -> Tried:
    """Rerun a combination; its metrics count only if it ends with the exit code `expected`."""
    mixed = parts[0]
    for name in sorted(combination):
        mixed = swap(mixed, name, parts[1])
    with scratch_folder(ws, None) as folder:
        done = rerun(ws, mixed, options, folder)
    ended = done.outcome.exit_code
    return Tried(combination, done.metrics if ended == expected else None, ended)


def _figure(metrics: Mapping[str, Value] | None, name: str) -> float | None:
    """Return a finite metric by its name; None for any other value."""
    value = number((metrics or {}).get(name))
    return value if value is not None and isfinite(value) else None


def _numbers(one: Mapping[str, Value] | None, other: Mapping[str, Value] | None) -> tuple[str, ...]:
    """Return the names of metrics that are finite numbers in both experiments."""
    names = (one or {}).keys() & (other or {}).keys()
    return tuple(
        sorted(n for n in names if _figure(one, n) is not None and _figure(other, n) is not None)
    )
