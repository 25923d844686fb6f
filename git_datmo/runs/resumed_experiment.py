"""Find the experiment that a run resumes."""

from __future__ import annotations

from git_datmo.history.experiments import History
from git_datmo.model import Oid
from git_datmo.payloads.checkout_target import find_experiment
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.runs_in_progress import snapshot_of_ended


def find_attempt(ws: Workspace, name: str) -> Oid | None:
    """Return the experiment that a run resumes; None for ''.

    `name` is an experiment, or the id of a run that ended in this clone, as `git datmo ps` showed
    it. Raises `DatmoError` for another.
    """
    if not name:
        return None
    return find_experiment(ws, History(ws), snapshot_of_ended(ws, name) or name).id
