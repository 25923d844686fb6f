"""Fetch records after `git pull REMOTE BRANCH` and other fetches that name refs or a URL.

A fetch that names refs ignores the configured refspecs. FETCH_HEAD names its source and refs
(git-fetch).
"""

from __future__ import annotations

from git_datmo.errors import DatmoError
from git_datmo.git.fetch_head import fetched_from, name_of, read_fetched
from git_datmo.payloads.picked_commits import last_move
from git_datmo.progress import QUIET, Progress
from git_datmo.records.namespaces import NAMESPACES
from git_datmo.repository.workspace import Workspace


def fetch_after_pull(ws: Workspace, *, progress: Progress = QUIET) -> None:
    """Fetch the records of the repository that was just pulled from, unless the pull brought
    them."""
    if last_move(ws.repo.git).startswith("pull"):
        fetch_records_of_pull(ws, progress=progress)


def fetch_records_of_pull(ws: Workspace, *, progress: Progress = QUIET) -> None:
    """Fetch the records of the repository that was fetched from last, unless that fetch brought
    them."""
    url = _pulled_without_records(ws)
    if not url:
        return
    from git_datmo.remotes.fetch_objects import fetch

    try:
        fetch(ws, name_of(ws.repo, url) or url, progress=progress)
    except DatmoError as error:
        progress.tell(f"the records of '{url}' could not be fetched: {error.what}")


def _pulled_without_records(ws: Workspace) -> str:
    """Return the URL of the last fetch; '' if it brought records."""
    fetched = read_fetched(ws.repo)
    if any(f"'{ns.records}'" in text for text in fetched for ns in NAMESPACES):
        return ""
    return fetched_from(fetched)
