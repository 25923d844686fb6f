"""Where a remote's payload goes when it goes elsewhere: `git config datmo.<remote>.store URL`.

Records say nothing of it. What has been put there comes before the records that name it, as on any remote.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from git_datmo.errors import DatmoError, Incomplete
from git_datmo.flows.sharing.clones import store_of_clone
from git_datmo.flows.sharing.keep import kept_objects
from git_datmo.flows.workspace import Workspace
from git_datmo.git.config import Config
from git_datmo.git.packwriter import Limits, write_packs
from git_datmo.git.remote import Remote, beside, find_remote
from git_datmo.git.urls import HELPER_PREFIX
from git_datmo.model import Oid
from git_datmo.places.files import Files
from git_datmo.places.packs import PackPlace
from git_datmo.progress import Progress
from git_datmo.records.types import Record
from git_datmo.store.outgoing import Outgoing
from git_datmo.store.store import PACK_LEAST, PACK_OBJECTS

# A place of packs, or another git remote.
Place = PackPlace | Remote

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")
_OF_GIT = frozenset({"http", "https", "ssh", "git", "git+ssh", "ssh+git", "ftp", "ftps"})
_LFS = "lfs+"


def stores_of(config: Config, remote: Remote) -> tuple[str, ...]:
    """Where a remote's payload is, by its configuration: what is pushed goes to the first.

    The last value comes first, as git reads its configuration; an empty one gives up those before it.
    """
    values = config.all(f"datmo.{remote.name}.store") if remote.name else []
    last = max((place for place, value in enumerate(values, 1) if not value), default=0)
    return tuple(dict.fromkeys(reversed(values[last:])))


def destination(ws: Workspace, remote: Remote) -> Place:
    """Return the place for what is shared with a remote: its first store, or a clone's, or the remote itself."""
    stores = stores_of(ws.repo.config, remote)
    return find_place(ws, remote, stores[0]) if stores else store_of_clone(ws, remote) or remote


def find_place(ws: Workspace, remote: Remote, url: str) -> Place:
    """The place of a remote's payload that `url` names; raises `DatmoError` where it cannot be reached."""
    if url in ws.places:
        return ws.places[url]
    files = _open(ws, remote, url)
    if isinstance(files, Remote):
        return files
    cache = ws.shared_state / "places" / hashlib.sha256(url.encode()).hexdigest()[:40]
    return ws.keep_place(url, PackPlace(files, ws.store.format, cache))


def _open(ws: Workspace, remote: Remote, url: str) -> Files | Remote:
    """What a URL stands for: a scheme of git's, or none, for a git remote; any other for files."""
    part = ws.store.format.name
    path = Path(os.path.expanduser(url.removeprefix("file://")))
    if path.is_absolute() and not _is_repository(path):
        from git_datmo.places.folder import FolderFiles

        return FolderFiles(path, part)
    scheme = _SCHEME.match(url)
    if path.is_absolute() or url.startswith(HELPER_PREFIX) or scheme is None or scheme[1] in _OF_GIT:
        return find_remote(ws.repo.config, url, push=True)
    if url.startswith(_LFS):
        from git_datmo.places.lfs import LfsFiles
        from git_datmo.places.listing import Listing, list_refs

        server = url.removeprefix(_LFS).rstrip("/")
        git = beside(ws.store.git, ws.repo.config, remote)
        return LfsFiles(server, Listing(git, remote, list_refs(server), ws.store.objects), ws.repo.git)
    from git_datmo.places.filesystem import FileSystemFiles

    return FileSystemFiles(url, part)


def _is_repository(path: Path) -> bool:
    return (path / ".git").exists() or ((path / "HEAD").exists() and (path / "objects").is_dir())


def deposit(ws: Workspace, place: PackPlace, keepers: Iterable[Record], progress: Progress) -> None:
    """Let a place have all that records name; raises `Incomplete` for what is neither here nor there."""
    place.refresh(progress)
    outgoing = Outgoing(ws.store.objects, place)
    for kept in (kept for keeper in keepers for kept in kept_objects(keeper)):
        if not outgoing.add(kept.content.object):
            raise Incomplete(
                f"'{kept.path}' of a record is neither here nor in '{place.url}' as a whole",
                "'git datmo push --store' brings there what other remotes have",
                missing=list(map(str, outgoing.missing)),
            )
    send(place, outgoing, progress)


def send(place: PackPlace, outgoing: Outgoing, progress: Progress) -> None:
    """Let a place have what it lacks."""
    if outgoing:
        place.put(outgoing.entries(), outgoing.measure(), progress)


def take(ws: Workspace, place: PackPlace, oids: Iterable[Oid], progress: Progress) -> bool:
    """Bring to the store those of the objects that a place has; says whether there were any."""
    objects, wanted = ws.store.objects, list(oids)
    if not all(oid in place for oid in wanted):
        place.refresh(progress)
    limits, found = Limits(PACK_OBJECTS, PACK_LEAST), False
    for _ in write_packs(objects.folder / "pack", objects.format, place.fetch(wanted, progress), limits, promisor=True):
        found = True
    objects.refresh()
    return found


def holds(place: PackPlace, keeper: Record) -> bool:
    """Return whether a place has all that a record leads to, as it was when it was looked at last."""
    return all(kept.node.oid in place for kept in kept_objects(keeper))


def refuse_stored(ws: Workspace, remote: Remote) -> None:
    """Raise `DatmoError` where a remote's payload is elsewhere: nothing tells who else needs what is there."""
    stores = stores_of(ws.repo.config, remote)
    if stores:
        raise DatmoError(
            f"'{remote.address}' has its payload in '{stores[0]}', which gives nothing up",
            f"set another 'datmo.{remote.name}.store', bring there what lives with 'git datmo push --store', "
            "then remove the old one",
        )
