"""Choose the tolerances of a rerun.

The user's tolerances precede those in git's configuration, which precede the snapshot's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from git_datmo.errors import UsageError
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.figure_values import parse_figures

SETTING = "datmo.tolerance"


def parse_tolerances(words: Iterable[str]) -> dict[str, float]:
    """Return the tolerances in `NAME=X` words, where NAME is a metric or the path of an output.

    Raises `UsageError` if X is not a number of 0 or more.
    """
    found = {}
    for name, value in parse_figures(words).items():
        if isinstance(value, bool | str) or not 0 <= value < float("inf"):
            raise UsageError(f"the tolerance '{name}={value}' is not a number of 0 or more")
        found[name] = float(value)
    return found


def find_tolerances(
    ws: Workspace, snapshot: Snapshot, given: Mapping[str, float]
) -> dict[str, float]:
    """Return the tolerances that apply to a snapshot.

    Raises `UsageError` if a name in `given` is not a metric or output of the snapshot.
    """
    names = {*snapshot.metrics, *(snapshot.run.outputs if snapshot.run else ())}
    unknown = sorted(given.keys() - names)
    if unknown:
        raise UsageError(
            f"the snapshot has no metric or output '{unknown[0]}'",
            f"it has {', '.join(sorted(names)) or 'none'}",
        )
    every = {**snapshot.tolerances, **parse_tolerances(ws.repo.config.all(SETTING)), **given}
    return {name: tolerance for name, tolerance in every.items() if name in names}
