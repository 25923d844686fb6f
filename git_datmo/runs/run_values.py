"""Collect the parameters, metrics, curves and tags of a run from all that tells them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from git_datmo.model import Content, Oid
from git_datmo.records.record_limits import fit_values
from git_datmo.records.record_values import Value
from git_datmo.records.snapshot_record import Curve
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.begun_run import Begun
from git_datmo.runs.config_files import find_hydra_config
from git_datmo.runs.harvest import harvest
from git_datmo.runs.logged_values import store_logged
from git_datmo.runs.run_parameters import seen_parameters
from git_datmo.runs.run_watch import RunWatch
from git_datmo.runs.tracker_locations import outside_files
from git_datmo.secrets.secret_rules import known_secrets, mask


@dataclass(frozen=True, slots=True)
class RunValues:
    """The values of a run, as its record has them."""

    parameters: Mapping[str, Value]
    sources: Mapping[str, str]
    metrics: Mapping[str, Value]
    curves: Mapping[str, Curve]
    tags: tuple[str, ...]
    series: Content | None
    artifacts: Content | None
    attempt: Oid | None
    remarks: tuple[str, ...]


def collect_values(
    ws: Workspace,
    begun: Begun,
    watch: RunWatch,
    files: Sequence[str],
    written: Sequence[str],
    is_written: Callable[[str], bool],
    read: Collection[bytes] | None,
    *,
    late: bool,
) -> RunValues:
    """Return the values that the user gave, the script logged, and the run's files have.

    `files` are the files that may be a tracker's, and `written` the paths of the outputs.
    `is_written` tells which files the run wrote. `read` are the files that it read; None if no
    process was observed. A `late` record does not look outside of the working tree, where later
    runs may have written.
    """
    folder = begun.folder
    outside = () if begun.elsewhere or late else outside_files(ws.environ, watch.began)
    found = harvest(ws.root, folder, written, (*files, *outside), is_written, watch.began)
    logged = store_logged(ws, watch.folder, found.curves)
    hydra = find_hydra_config(ws, files)
    parameters = seen_parameters(
        (*begun.before.config_files, *((hydra,) if hydra is not None else ())),
        read,
        {**found.parameters, **logged.parameters},
        begun.command,
        begun.asked.parameters or {},
    )
    known = known_secrets(ws.environ)
    tags = [mask(tag, known) for tag in dict.fromkeys((*found.tags, *logged.tags))]
    asked = begun.asked
    # The user's values precede those of the script, and these precede those in files.
    metrics = {**found.metrics, **logged.metrics, **(asked.metrics or {})}
    fit = fit_values(parameters.values, parameters.sources, metrics, logged.curves, tags)
    return RunValues(
        fit.parameters,
        fit.sources,
        fit.metrics,
        fit.curves,
        fit.tags,
        logged.series,
        logged.artifacts,
        Oid.parse(asked.attempt) if asked.attempt else logged.attempt,
        (*found.warnings, *logged.remarks, *fit.remarks),
    )
