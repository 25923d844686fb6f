"""Refuse commands that need files which git's sparse checkout has removed."""

from __future__ import annotations

from shlex import quote

from git_datmo.errors import DatmoError
from git_datmo.payloads.payload_changes import find_differences
from git_datmo.payloads.sparse_checkout import count_taken
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.tracking import Tracking


def refuse_taken(ws: Workspace, tracking: Tracking) -> None:
    """Raise `DatmoError` for a command that needs files which git's sparse checkout took away."""
    if not ws.repo.config.flag("core.sparsecheckout"):
        return
    counts = count_taken(ws, tracking, find_differences(ws, tracking, taken=True))
    if counts:
        path = next(iter(counts))
        raise DatmoError(
            f"git's sparse checkout took files of '{path}' away",
            f"'git datmo checkout -- {quote(path)}' brings them back",
        )
