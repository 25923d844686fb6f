"""Tell the ids of batches of feedback from other names that a person gives."""

from __future__ import annotations

import re

from git_datmo.errors import DatmoError
from git_datmo.history.experiments import History
from git_datmo.records.feedback_record import Feedback
from git_datmo.repository.workspace import Workspace

_ID = re.compile(r"[0-9a-f]{4,64}\Z")


def is_batch_name(ws: Workspace, history: History, name: str) -> bool:
    """Return True if a batch's id begins with `name`, and no snapshot's id or revision is it.

    A batch can be dropped. Raises `DatmoError` for the id of a record of another kind.
    """
    if not _ID.match(name):
        return False
    kinds = {row.kind for row in history.catalog.starting(name)}
    dropped = {row.kind for row in history.catalog.dropped_starting(name)}
    # A branch can have a name that looks like an id.
    if "snapshot" in kinds or not kinds | dropped or _is_revision(ws, name):
        return False
    if Feedback.kind in kinds | dropped:
        return True
    if not kinds:
        return False
    raise DatmoError(
        f"'{name}' is the id of a record of the kind '{min(kinds)}'",
        "'git datmo show' shows experiments, with the records about them; 'git datmo log' lists"
        " them",
    )


def _is_revision(ws: Workspace, name: str) -> bool:
    try:
        ws.repo.resolve(name)
    except DatmoError:
        return False
    return True
