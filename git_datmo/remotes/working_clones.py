"""Find the store of a remote that is a working clone: no keep ref of the clone has its data."""

from __future__ import annotations

import re
from pathlib import Path

from git_datmo.errors import DatmoError, GitFailed
from git_datmo.git.fetch_head import all_sources
from git_datmo.git.local_remote import find_folder
from git_datmo.git.remote_commands import Offer, Remote, find_remote
from git_datmo.records.namespaces import epoch_of, in_use
from git_datmo.remotes.remote_probe import probe_remote
from git_datmo.repository.workspace import Workspace

_STORES = (".git/datmo/store.git", "datmo/store.git")
_FILE = "file://"
# Other hosts ask for a password if the repository does not exist.
_ASKED = re.compile(r"(?:ssh|git)://|[^/]+:(?!/?/)")


class _KnownClones(dict[str, Remote | None]):
    """The stores of remotes that are clones, by the remotes' URLs; None for other remotes."""


def store_of_clone(ws: Workspace, remote: Remote, offer: Offer | None = None) -> Remote | None:
    """Return the store of a working clone; None for any other remote.

    `offer` is the remote's answer, if it was asked. A folder need not be asked.
    """
    known = ws.keep(_KnownClones, _KnownClones)
    if remote.url not in known:
        known[remote.url] = _in_folder(ws, remote) or (
            _beyond(ws, remote, offer) if offer is not None else None
        )
        if offer is None and known[remote.url] is None:
            # A remote that was not asked may later prove to be a clone.
            return known.pop(remote.url)
    return known[remote.url]


def _in_folder(ws: Workspace, remote: Remote) -> Remote | None:
    prefix = _FILE if remote.url.startswith(_FILE) else ""
    path = Path(remote.url.removeprefix(_FILE))
    if not path.is_absolute():
        return None
    folder = find_folder(ws.repo.git, ws.repo.config, remote, ws.store.format)
    places = (
        [folder.common_dir / _STORES[1]]
        if folder is not None
        else [path / name for name in _STORES]
    )
    return next(
        (Remote("", f"{prefix}{place}") for place in places if (place / "HEAD").exists()), None
    )


def _beyond(ws: Workspace, remote: Remote, offer: Offer) -> Remote | None:
    """Ask for the store of a clone on another machine, if the remote has records and no keep
    refs."""
    # A remote with keep refs has its data itself.
    if not in_use(offer.refs) or any(map(epoch_of, offer.refs)) or not _ASKED.match(remote.url):
        return None
    for name in _STORES:
        found = Remote("", f"{remote.url.rstrip('/')}/{name}")
        try:
            probe_remote(ws, found)
        except GitFailed:
            continue
        return found
    return None


def hint_at_clones(ws: Workspace) -> str:
    """Return the hint for data that no remote gives: a mirror of a clone has its records, and not
    its store."""
    for name in all_sources(ws.repo):
        try:
            refs = probe_remote(ws, find_remote(ws.repo.config, name)).refs
        except DatmoError:
            continue
        if in_use(refs) and not any(map(epoch_of, refs)):
            return (
                f"'{name}' has the records and no data, as a mirror of a working clone: add that"
                " clone with "
                "'git remote add NAME URL', then run this again"
            )
    return "ask the person who made the snapshot to run 'git push'"
