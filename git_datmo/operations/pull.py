"""Fetch experiments, and bring the payloads up to the commit that is checked out."""

from __future__ import annotations

from git_datmo.payloads.after_commit import Concluded, conclude_merge
from git_datmo.progress import QUIET, Progress
from git_datmo.remotes.fetch_objects import fetch
from git_datmo.repository.workspace import Workspace


def pull(ws: Workspace, remote: str = "", *, progress: Progress = QUIET) -> Concluded:
    """Fetch the records of a remote, then let unmodified payloads follow HEAD.

    An empty `remote` stands for the one that `git fetch` would choose.
    """
    fetch(ws, remote, progress=progress)
    return conclude_merge(ws, progress=progress)
