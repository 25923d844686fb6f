"""Read the curves of experiments, and fetch those that are missing."""

from __future__ import annotations

from collections.abc import Sequence

from git_datmo.curves.curve_points import Points
from git_datmo.curves.curve_reader import read_header, read_points
from git_datmo.curves.united_curve import UnitedCurve, unite_attempts
from git_datmo.history.attempts import Attempt
from git_datmo.model import Oid
from git_datmo.objects.tree_nodes import root_node
from git_datmo.progress import QUIET, Progress
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.remotes.required_objects import require
from git_datmo.repository.stored_curves import find_curve
from git_datmo.repository.workspace import Workspace


def read_curves(
    ws: Workspace, oid: Oid, snapshot: Snapshot, progress: Progress = QUIET
) -> dict[str, Points]:
    """Return all points of the curves of a snapshot.

    Raises `Incomplete` if the curves are available nowhere.
    """
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


def read_united(
    ws: Workspace, attempts: Sequence[Attempt], progress: Progress = QUIET
) -> dict[str, UnitedCurve]:
    """Return the united curves of attempts, the earliest first, by the names of their metrics.

    Raises `Incomplete` if curves are available nowhere.
    """
    read = [(str(each.id), read_curves(ws, each.id, each.snapshot, progress)) for each in attempts]
    names = dict.fromkeys(name for _, curves in read for name in curves)
    return {
        name: unite_attempts([(oid, curves[name]) for oid, curves in read if name in curves])
        for name in sorted(names)
    }
