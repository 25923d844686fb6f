"""Find the folder in which a server of this repository stores its events."""

from __future__ import annotations

from pathlib import Path

from git_datmo.repository.workspace import Workspace


def configured_log(ws: Workspace) -> Path | None:
    """Return the folder that `datmo.feedbackLog` names; None if it names none.

    A relative path is that from the working tree.
    """
    configured = ws.repo.config.get("datmo.feedbacklog")
    if not configured:
        return None
    return (ws.repo.top or ws.repo.common_dir) / configured
