"""After `git pull REMOTE BRANCH`, and every other fetch that names refs or a URL: records are fetched too.

A fetch that names refs brings these alone, whatever the remote's configured refspecs say. Git's FETCH_HEAD tells from
where it fetched, and what (git-fetch).
"""

from __future__ import annotations

import re

from git_datmo.errors import DatmoError
from git_datmo.flows.picked import last_move
from git_datmo.flows.workspace import Workspace
from git_datmo.git.namespaces import NAMESPACES
from git_datmo.git.urls import plain_url
from git_datmo.progress import QUIET, Progress

_SOURCE = re.compile(r" of (?P<url>\S.*)\Z")


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
        fetch(ws, _name_of(ws, url) or url, progress=progress)
    except DatmoError as error:
        progress.tell(f"the records of '{url}' could not be fetched: {error.what}")


def _pulled_without_records(ws: Workspace) -> str:
    """Return the URL that the last fetch was from, '' where that fetch brought records too."""
    try:
        lines = (ws.repo.git_dir / "FETCH_HEAD").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    told = [line.split("\t")[-1] for line in lines]
    if any(f"'{ns.records}'" in text for text in told for ns in NAMESPACES):
        return ""
    sources = [match["url"] for text in told if (match := _SOURCE.search(text))]
    return sources[0] if sources else ""


def _name_of(ws: Workspace, url: str) -> str:
    """Return the remote that has a URL as FETCH_HEAD shows it: without user, trailing slashes and '.git'."""
    for name in ws.repo.remotes():
        if _shown(ws.repo.config.get(f"remote.{name}.url")) == _shown(url):
            return name
    return ""


def _shown(url: str) -> str:
    bare = re.sub(r"(?<=://)[^/@]*@", "", plain_url(url))
    return bare.rstrip("/").removesuffix(".git").rstrip("/")
