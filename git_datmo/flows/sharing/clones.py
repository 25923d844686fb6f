"""Finds the store of a remote that is somebody's clone: its data lie there, and no keep ref of the clone has them."""

from __future__ import annotations

import re
from pathlib import Path

from git_datmo.errors import DatmoError, GitFailed
from git_datmo.flows.sharing.contact import ask
from git_datmo.flows.workspace import Workspace
from git_datmo.git.fetch_head import all_sources
from git_datmo.git.folder import find_folder
from git_datmo.git.namespaces import epoch_of, in_use
from git_datmo.git.remote import Offer, Remote, find_remote

_STORES = (".git/datmo/store.git", "datmo/store.git")
_FILE = "file://"
# Other hosts ask for a password where there is no such repository.
_ASKED = re.compile(r"(?:ssh|git)://|[^/]+:(?!/?/)")


def store_of_clone(ws: Workspace, remote: Remote, offer: Offer | None = None) -> Remote | None:
    """Return the store of a clone with git-datmo; None for any other remote.

    `offer` is what the remote said, where it was asked already; a folder need not be asked.
    """
    if remote.url not in ws.clones:
        ws.clones[remote.url] = _in_folder(ws, remote) or (_beyond(ws, remote, offer) if offer is not None else None)
        if offer is None and ws.clones[remote.url] is None:
            # A remote that was not asked yet may be found to be a clone later.
            return ws.clones.pop(remote.url)
    return ws.clones[remote.url]


def _in_folder(ws: Workspace, remote: Remote) -> Remote | None:
    prefix = _FILE if remote.url.startswith(_FILE) else ""
    path = Path(remote.url.removeprefix(_FILE))
    if not path.is_absolute():
        return None
    folder = find_folder(ws.repo.git, ws.repo.config, remote, ws.store.format)
    places = [folder.common_dir / _STORES[1]] if folder is not None else [path / name for name in _STORES]
    return next((Remote("", f"{prefix}{place}") for place in places if (place / "HEAD").exists()), None)


def _beyond(ws: Workspace, remote: Remote, offer: Offer) -> Remote | None:
    """Ask for the store on another machine where records are, and nothing that keeps their objects."""
    if not in_use(offer.refs) or any(map(epoch_of, offer.refs)) or not _ASKED.match(remote.url):
        return None
    for name in _STORES:
        found = Remote("", f"{remote.url.rstrip('/')}/{name}")
        try:
            ask(ws, found)
        except GitFailed:
            continue
        return found
    return None


def hint_at_clones(ws: Workspace) -> str:
    """Return the hint for data that no remote gives: a mirror of a clone has its records, and not its store."""
    for name in all_sources(ws.repo):
        try:
            refs = ask(ws, find_remote(ws.repo.config, name)).refs
        except DatmoError:
            continue
        if in_use(refs) and not any(map(epoch_of, refs)):
            return (
                f"'{name}' has the records and no data, as a mirror of a working clone: add that clone with "
                "'git remote add NAME URL', then run this again"
            )
    return "ask who made the snapshot to run 'git push'"
