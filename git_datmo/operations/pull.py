"""Fetch experiments, and bring the payloads up to the commit that is checked out."""

from __future__ import annotations

from git_datmo.history.experiments import History
from git_datmo.payloads.after_commit import Concluded, conclude_merge
from git_datmo.payloads.apply_snapshot import switch
from git_datmo.payloads.checkout_in_progress import read_underway
from git_datmo.progress import QUIET, Progress
from git_datmo.remotes.fetch_objects import fetch
from git_datmo.repository.workspace import Workspace


def pull(ws: Workspace, remote: str = "", *, progress: Progress = QUIET) -> Concluded:
    """Fetch the records of a remote, then let unmodified payloads follow HEAD.

    An empty `remote` stands for the one that `git fetch` would choose.
    """
    fetch(ws, remote, progress=progress)
    if _is_halfway_to_head(ws):
        # The checkout of a pull that was killed: only the same checkout knows its files.
        switch(ws, progress=progress)
    return conclude_merge(ws, progress=progress)


def _is_halfway_to_head(ws: Workspace) -> bool:
    """Return True if a checkout to exactly HEAD's data was interrupted."""
    underway, head = read_underway(ws.state), ws.head()
    if underway is None or underway.is_merge or underway.restores or head is None:
        return False
    return History(ws).data(head).ids == (underway.snapshot,)
