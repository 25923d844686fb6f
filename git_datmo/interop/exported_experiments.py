"""Read experiments with their curves, for files and programs of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from git_datmo.curves.curve_points import Points
from git_datmo.curves.united_curve import UnitedCurve
from git_datmo.history.annotations import tags_of
from git_datmo.history.attempts import attempts_of
from git_datmo.history.experiments import History
from git_datmo.model import Oid
from git_datmo.progress import QUIET, Progress
from git_datmo.records.snapshot_record import Snapshot, only_follows_data
from git_datmo.remotes.obtained_curves import read_curves, read_united
from git_datmo.repository.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ExportedExperiment:
    """A snapshot with its id, the tags that it has now, and all points of its curves.

    `united` has the curves of a resumed run together with those of its earlier attempts.
    """

    id: str
    snapshot: Snapshot
    tags: tuple[str, ...]
    curves: Mapping[str, Points]
    united: Mapping[str, UnitedCurve]


def read_experiments(
    ws: Workspace, revisions: Sequence[str] = (), *, progress: Progress = QUIET
) -> Iterator[ExportedExperiment]:
    """Yield the experiments of some revisions, newest first, or all, oldest first.

    Snapshots that only follow the data are left out. Fetches curves that are missing. Raises
    `Incomplete` if they are available nowhere.
    """
    history = History(ws)
    for oid, snapshot in _snapshots(ws, history, revisions):
        if only_follows_data(snapshot):
            continue
        tags = tags_of(history.catalog, str(oid), snapshot.tags)
        curves = read_curves(ws, oid, snapshot, progress)
        attempts = attempts_of(history, oid, snapshot)
        united = read_united(ws, attempts, progress) if len(attempts) > 1 else {}
        yield ExportedExperiment(str(oid), snapshot, tags, curves, united)


def _snapshots(
    ws: Workspace, history: History, revisions: Sequence[str]
) -> Iterator[tuple[Oid, Snapshot]]:
    """Yield the chosen snapshots with their ids."""
    if revisions:
        for found in history.walk(tuple(revisions)):
            yield found.id, found.snapshot
        return
    oids = [Oid.parse(row.record) for row in history.catalog.rows if row.kind == "snapshot"]
    for oid, record in zip(oids, ws.ledger.checked_records(oids), strict=True):
        if isinstance(record, Snapshot):
            yield oid, record
