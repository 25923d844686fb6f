"""Use the store that a remote's settings name: `git config datmo.<remote>.store URL`.

Records do not mention stores. As on any remote, objects arrive before the records that name them.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from git_datmo.backends.backend_registry import open_files
from git_datmo.backends.file_backend import Files
from git_datmo.backends.pack_backend import PackBackend
from git_datmo.errors import DatmoError, Incomplete
from git_datmo.git.config import Config
from git_datmo.git.pack_writer import PackLimits, write_packs
from git_datmo.git.remote_commands import Remote, beside, find_remote
from git_datmo.git.remote_urls import HELPER_PREFIX
from git_datmo.model import Oid
from git_datmo.objects.missing_elsewhere import Outgoing
from git_datmo.objects.store import PACK_LEAST, PACK_OBJECTS
from git_datmo.progress import Progress
from git_datmo.records.record_registry import Record
from git_datmo.remotes.keep_commits import keep_entries
from git_datmo.remotes.working_clones import store_of_clone
from git_datmo.repository.workspace import Workspace

# A backend of packs, or another git remote.
Place = PackBackend | Remote

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")
_OF_GIT = frozenset({"http", "https", "ssh", "git", "git+ssh", "ssh+git", "ftp", "ftps"})
_LFS = "lfs+"


def stores_of(config: Config, remote: Remote) -> tuple[str, ...]:
    """Return the URLs of a remote's stores. Objects are pushed to the first.

    The last setting comes first, as git reads its configuration. An empty one discards those before
    it.
    """
    values = config.all(f"datmo.{remote.name}.store") if remote.name else []
    last = max((place for place, value in enumerate(values, 1) if not value), default=0)
    return tuple(dict.fromkeys(reversed(values[last:])))


def destination(ws: Workspace, remote: Remote) -> Place:
    """Return the destination of objects: the remote's first store, or a clone's, or the remote
    itself."""
    stores = stores_of(ws.repo.config, remote)
    return find_place(ws, remote, stores[0]) if stores else store_of_clone(ws, remote) or remote


class _OpenBackends(dict[str, PackBackend]):
    """The backends of a command by their URLs. Packs that a backend had once, it still has."""


def find_place(ws: Workspace, remote: Remote, url: str) -> Place:
    """Return the store at `url`; raise `DatmoError` if it cannot be reached."""
    known = ws.keep(_OpenBackends, _OpenBackends)
    if url in known:
        return known[url]
    files = _open(ws, remote, url)
    if isinstance(files, Remote):
        return files
    cache = ws.shared_state / "places" / hashlib.sha256(url.encode()).hexdigest()[:40]
    backend = known[url] = PackBackend(files, ws.store.format, cache)
    ws.at_end(backend.close)
    return backend


def _open(ws: Workspace, remote: Remote, url: str) -> Files | Remote:
    """Open a URL: a git remote for git's schemes and paths to repositories, else files."""
    part = ws.store.format.name
    path = Path(os.path.expanduser(url.removeprefix("file://")))
    # A folder that is no repository yet is a store of files.
    if path.is_absolute() and not _is_repository(path):
        from git_datmo.backends.folder_backend import FolderFiles

        return FolderFiles(path, part)
    scheme = _SCHEME.match(url)
    if (
        path.is_absolute()
        or url.startswith(HELPER_PREFIX)
        or scheme is None
        or scheme[1] in _OF_GIT
    ):
        return find_remote(ws.repo.config, url, push=True)
    if url.startswith(_LFS):
        from git_datmo.backends.lfs_backend import LfsFiles
        from git_datmo.backends.lfs_listing import Listing, list_refs

        server = url.removeprefix(_LFS).rstrip("/")
        git = beside(ws.store.git, ws.repo.config, remote)
        return LfsFiles(
            server, Listing(git, remote, list_refs(server), ws.store.objects), ws.repo.git
        )
    return open_files(url, part)


def _is_repository(path: Path) -> bool:
    return (path / ".git").exists() or ((path / "HEAD").exists() and (path / "objects").is_dir())


def deposit(
    ws: Workspace, place: PackBackend, keepers: Iterable[Record], progress: Progress
) -> None:
    """Copy everything that records name to a store; raise `Incomplete` for missing objects."""
    place.refresh(progress)
    outgoing = Outgoing(ws.store.objects, place)
    for kept in (kept for keeper in keepers for kept in keep_entries(keeper)):
        if not outgoing.add(kept.content.object):
            raise Incomplete(
                f"'{kept.path}' of a record is neither in this clone nor in '{place.url}'",
                "'git datmo push --store' brings there what other remotes have",
                missing=list(map(str, outgoing.missing)),
            )
    send(place, outgoing, progress)


def send(place: PackBackend, outgoing: Outgoing, progress: Progress) -> None:
    """Copy missing objects to a store."""
    if outgoing:
        place.put(outgoing.entries(), outgoing.measure(), progress)


def take(ws: Workspace, place: PackBackend, oids: Iterable[Oid], progress: Progress) -> bool:
    """Copy those of the objects that a store has; return True if there were any."""
    objects, wanted = ws.store.objects, list(oids)
    # The indexes are listed again only if those that are known do not suffice.
    if not all(oid in place for oid in wanted):
        place.refresh(progress)
    limits, found = PackLimits(PACK_OBJECTS, PACK_LEAST), False
    for _ in write_packs(
        objects.folder / "pack",
        objects.format,
        place.fetch(wanted, progress),
        limits,
        promisor=True,
    ):
        found = True
    objects.refresh()
    return found


def holds(place: PackBackend, keeper: Record) -> bool:
    """Return True if a store has everything that a record leads to, as of the last look."""
    return all(kept.node.oid in place for kept in keep_entries(keeper))


def refuse_stored(config: Config, remote: Remote) -> None:
    """Raise `DatmoError` if a remote's objects are elsewhere: other users of that store are
    unknown."""
    stores = stores_of(config, remote)
    if stores:
        raise DatmoError(
            f"'{remote.address}' has its payload in '{stores[0]}', from which nothing can be"
            " removed",
            f"set 'datmo.{remote.name}.store' to a new store, copy what is still needed with 'git"
            " datmo push --store', then delete the old store",
        )
