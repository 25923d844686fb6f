"""Store the curves and artifacts that the script of a run logged, and read its values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from git_datmo.curves.curve_points import Points
from git_datmo.errors import DatmoError
from git_datmo.model import Content, Oid
from git_datmo.query.goals import known_goals
from git_datmo.records.record_values import Value
from git_datmo.records.snapshot_record import Curve
from git_datmo.repository.stored_curves import store_curves, store_folder
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.logged_calls import read_calls
from git_datmo.runs.resumed_experiment import find_attempt
from git_datmo.runs.run_watch import ARTIFACTS


@dataclass(frozen=True, slots=True)
class LoggedValues:
    """Values that the script of a run logged, in the form of its record."""

    parameters: Mapping[str, Value]
    metrics: Mapping[str, Value]
    curves: Mapping[str, Curve]
    tags: tuple[str, ...]
    series: Content | None
    artifacts: Content | None
    attempt: Oid | None
    remarks: tuple[str, ...]


def store_logged(ws: Workspace, folder: Path, harvested: Mapping[str, Points]) -> LoggedValues:
    """Store what was logged into the folder of a run, and the curves that its files had.

    What the script logged replaces a harvested curve of the same name. A remark tells what cannot
    be stored, as on a full disk.
    """
    calls = read_calls(folder)
    remarks = list(calls.remarks)
    series, curves, artifacts = None, dict[str, Curve](), None
    try:
        points = {**harvested, **calls.curves}
        series, curves = store_curves(ws, points, {**known_goals(points), **calls.goals})
        artifacts = _store_artifacts(ws, folder / ARTIFACTS)
    except (OSError, DatmoError) as error:
        what = error.what if isinstance(error, DatmoError) else error.strerror
        remarks.append(f"not all that the run logged is kept: {what}")
    return LoggedValues(
        calls.parameters,
        calls.metrics,
        curves,
        tuple(calls.tags),
        series,
        artifacts,
        _find_attempt(ws, calls.attempt, remarks),
        tuple(remarks),
    )


def _store_artifacts(ws: Workspace, folder: Path) -> Content | None:
    """Store the artifacts of a run; None if there are none."""
    return store_folder(ws, folder) if folder.is_dir() and any(folder.iterdir()) else None


def _find_attempt(ws: Workspace, name: str, remarks: list[str]) -> Oid | None:
    """Return the experiment that a script said that it resumes; a remark tells if there is none."""
    try:
        return find_attempt(ws, name)
    except DatmoError as error:
        remarks.append(f"the run resumes '{name}', which is no experiment here: {error.what}")
        return None
