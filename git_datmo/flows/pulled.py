"""After `git pull REMOTE BRANCH`, and every other fetch that names refs or a URL: records are fetched too.

A fetch that names refs brings these alone, whatever the remote's configured refspecs say. Git's FETCH_HEAD tells from
where it fetched, and what (git-fetch).
"""

from __future__ import annotations

from git_datmo.errors import DatmoError
from git_datmo.flows.picked import last_move
from git_datmo.flows.workspace import Workspace
from git_datmo.git.fetch_head import fetched_from, name_of, read_fetched
from git_datmo.git.namespaces import NAMESPACES
from git_datmo.progress import QUIET, Progress


def fetch_after_pull(ws: Workspace, *, progress: Progress = QUIET) -> None:
    """Fetch the records of the repository that was just pulled from, unless the pull brought them."""
    if last_move(ws).startswith("pull"):
        fetch_records_of_pull(ws, progress=progress)


def fetch_records_of_pull(ws: Workspace, *, progress: Progress = QUIET) -> None:
    """Fetch the records of the repository that was fetched from last, unless that fetch brought them."""
    url = _pulled_without_records(ws)
    if not url:
        return
    from git_datmo.flows.sharing.obtain import fetch

    try:
        fetch(ws, name_of(ws.repo, url) or url, progress=progress)
    except DatmoError as error:
        progress.tell(f"the records of '{url}' could not be fetched: {error.what}")


def _pulled_without_records(ws: Workspace) -> str:
    """Return the URL that the last fetch was from, '' where that fetch brought records too."""
    told = read_fetched(ws.repo)
    if any(f"'{ns.records}'" in text for text in told for ns in NAMESPACES):
        return ""
    return fetched_from(told)
