"""Write experiments to MLflow by its own client."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from git_datmo.errors import DatmoError
from git_datmo.interop.exported_experiments import ExportedExperiment
from git_datmo.query.evaluate import as_number
from git_datmo.readers.mlflow_reader import ID_TAG
from git_datmo.records.record_values import Value, show_value
from git_datmo.records.snapshot_record import FAILED, INTERRUPTED, KILLED

T = TypeVar("T")

# Limits of MLflow for one call, and for the text of a parameter.
METRICS_AT_ONCE, PARAMETERS_AT_ONCE, TEXT_LIMIT = 1000, 100, 6000
# MLflow takes letters, digits and these characters in names.
_ODD = re.compile(r"[^\w./ -]")
_STATUSES = {FAILED: "FAILED", INTERRUPTED: "KILLED", KILLED: "KILLED"}


def export_to_mlflow(
    experiments: Sequence[ExportedExperiment], uri: str, name: str
) -> tuple[int, list[str]]:
    """Write experiments to the store at `uri`, into the MLflow experiment `name`.

    Return the number of new runs, and a line for each change that MLflow's limits require. An
    experiment that is there already is left alone. Raises `DatmoError` without MLflow.
    """
    try:
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise DatmoError(
            "MLflow is not installed", "install it with pip install 'git-datmo[mlflow]'"
        ) from error
    changes: list[str] = []
    try:
        client = MlflowClient(uri)
        known = client.get_experiment_by_name(name)
        group = known.experiment_id if known is not None else client.create_experiment(name)
        there = _known_ids(client, group)
        new = [each for each in experiments if each.id not in there]
        for each in new:
            _export(client, group, each, changes)
    except MlflowException as error:
        raise DatmoError(f"MLflow refuses: {error.message}", "check the address") from error
    return len(new), list(dict.fromkeys(changes))


def _known_ids(client: Any, group: str) -> set[str]:
    """Return the ids of the experiments that an MLflow experiment has."""
    found, token = set[str](), None
    while True:
        page = client.search_runs([group], max_results=1000, page_token=token)
        found |= {run.data.tags.get(ID_TAG, "") for run in page}
        token = page.token
        if not token:
            return found


def _export(client: Any, group: str, experiment: ExportedExperiment, changes: list[str]) -> None:
    """Write one experiment."""
    from mlflow.entities import Metric, Param, RunTag

    snapshot, run = experiment.snapshot, experiment.snapshot.run
    started = _milliseconds((run.started if run is not None else "") or snapshot.created)
    ended = started + round(1000 * run.seconds) if run is not None else started
    tags = {
        "mlflow.user": snapshot.author.name,
        "mlflow.source.git.commit": str(snapshot.commit),
        **{f"git-datmo.tag.{_name(tag, changes)}": "" for tag in experiment.tags},
    }
    if run is not None:
        tags["mlflow.source.name"] = shlex.join(run.command)
    if snapshot.message:
        tags["mlflow.note.content"] = snapshot.message
    title = snapshot.message.splitlines()[0] if snapshot.message else experiment.id[:10]
    made = client.create_run(group, start_time=started, run_name=title).info.run_id
    for some in _portions(tags.items(), PARAMETERS_AT_ONCE):
        client.log_batch(made, tags=[RunTag(key, value[:TEXT_LIMIT]) for key, value in some])
    for parameters in _portions(snapshot.parameters.items(), PARAMETERS_AT_ONCE):
        params = [
            Param(_name(key, changes), _cut(key, _text(value), changes))
            for key, value in parameters
        ]
        client.log_batch(made, params=params)
    points = _points(experiment, ended, changes)
    for metrics in _portions(points, METRICS_AT_ONCE):
        client.log_batch(made, metrics=[Metric(*point) for point in metrics])
    status = _STATUSES.get(run.ending if run is not None else "", "FINISHED")
    client.set_terminated(made, status, ended)
    # The id comes last: a later export makes a run anew that an interrupted one left without it.
    client.set_tag(made, ID_TAG, experiment.id)


def _points(
    experiment: ExportedExperiment, ended: int, changes: list[str]
) -> Iterator[tuple[str, float, int, int]]:
    """Yield name, value, time in milliseconds and step of each value."""
    for name, value in experiment.snapshot.metrics.items():
        if name in experiment.curves:
            continue
        number = value if isinstance(value, bool) else as_number(value)
        if number is None:
            changes.append(f"the metric '{name}' is a text: left out ({show_value(value)[:40]})")
        else:
            yield _name(name, changes), float(number), ended, 0
    for name, points in experiment.curves.items():
        if not all(map(float.is_integer, points.steps)):
            changes.append(f"steps of '{name}' are no whole numbers: rounded down")
        if any(time % 1000 for time in points.times):
            changes.append("times are rounded to milliseconds")
        for value, step, time in zip(points.values, points.steps, points.times, strict=True):
            # A time that is not known is 0, which MLflow would show as 1970.
            yield _name(name, changes), value, time // 1000 or ended, int(step // 1)


def _portions(items: Any, size: int) -> Iterator[list[Any]]:
    """Yield items in lists of at most `size`."""
    left = iter(items)
    while some := list(islice(left, size)):
        yield some


def _name(name: str, changes: list[str]) -> str:
    """Return a name that MLflow takes."""
    # MLflow takes names of 250 characters, and refuses those that are no plain path.
    new = _ODD.sub("_", name)[:250].strip("/. ") or "_"
    if new != name:
        changes.append(f"'{name[:80]}' is called '{new[:80]}'")
    return new


def _text(value: Value) -> str:
    """Return a parameter as text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cut(name: str, text: str, changes: list[str]) -> str:
    """Return a text that is not too long for MLflow."""
    if len(text) > TEXT_LIMIT:
        changes.append(f"the parameter '{name[:80]}' is cut to {TEXT_LIMIT} characters")
    return text[:TEXT_LIMIT]


def _milliseconds(time: str) -> int:
    """Return a time of a record in milliseconds since 1970."""
    return int(datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp() * 1000)
