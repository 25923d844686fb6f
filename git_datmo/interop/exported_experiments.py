"""Read experiments with their curves, for files and programs of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from git_datmo.curves.curve_points import Points
from git_datmo.curves.curve_reader import read_header, read_points
from git_datmo.history.experiments import History
from git_datmo.model import Oid
from git_datmo.objects.layout import root_node
from git_datmo.progress import QUIET, Progress
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.remotes.required_objects import require
from git_datmo.repository.stored_curves import find_curve
from git_datmo.repository.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ExportedExperiment:
    """A snapshot with its id and all points of its curves."""

    id: str
    snapshot: Snapshot
    curves: Mapping[str, Points]


def read_experiments(
    ws: Workspace, revisions: Sequence[str] = (), *, progress: Progress = QUIET
) -> Iterator[ExportedExperiment]:
    """Yield the experiments of some revisions, newest first, or all, oldest first.

    Fetches curves that are missing. Raises `Incomplete` if they are available nowhere.
    """
    for oid, snapshot in _snapshots(ws, revisions):
        yield ExportedExperiment(str(oid), snapshot, _curves(ws, oid, snapshot, progress))


def _snapshots(ws: Workspace, revisions: Sequence[str]) -> Iterator[tuple[Oid, Snapshot]]:
    """Yield the chosen snapshots with their ids."""
    history = History(ws)
    if revisions:
        for found in history.walk(tuple(revisions)):
            yield found.id, found.snapshot
        return
    oids = [Oid.parse(row.record) for row in history.catalog.rows if row.kind == "snapshot"]
    for oid, record in zip(oids, ws.ledger.checked_records(oids), strict=True):
        if isinstance(record, Snapshot):
            yield oid, record


def _curves(ws: Workspace, oid: Oid, snapshot: Snapshot, progress: Progress) -> dict[str, Points]:
    """Return the curves of a snapshot."""
    series = snapshot.run.series if snapshot.run is not None else None
    if series is None:
        return {}
    require(ws, [(f"curves of {str(oid)[:10]}", root_node(series))], progress=progress)
    curves = {}
    for name in snapshot.curves:
        read = find_curve(ws.store, snapshot, name)
        if read is not None:
            curves[name] = read_points(read, read_header(read))
    return curves
