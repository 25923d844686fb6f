"""Choose the records and objects of a push.

Records go with all their objects. Missing objects are fetched from another remote. Records whose
objects are unavailable are left out, unless they belong to the pushed commits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from git_datmo.backends.pack_backend import PackBackend
from git_datmo.errors import DatmoError, Incomplete
from git_datmo.git.remote_commands import Offer, Remote
from git_datmo.git.remote_urls import fetch_url, location
from git_datmo.model import Oid
from git_datmo.progress import Progress
from git_datmo.records.catalog import Catalog
from git_datmo.records.record_registry import Record
from git_datmo.recovery.object_repair import restore_from_files
from git_datmo.remotes.keep_commits import keep_entries
from git_datmo.remotes.missing_objects import find_missing
from git_datmo.remotes.remote_probe import probe_remote
from git_datmo.remotes.remote_store import destination, find_place, holds, stores_of
from git_datmo.repository.workspace import Workspace
from git_datmo.sharing.incomplete_records import find_kept, has_roots, unchecked_records
from git_datmo.sharing.pushed_records import snapshots_of
from git_datmo.sharing.pushed_refs import Pushed

Keepers = dict[Oid, Record]


@dataclass(frozen=True, slots=True)
class Selection:
    """The records with objects that a push sends, and those that stay behind."""

    send: Keepers
    left: frozenset[Oid]


@dataclass(frozen=True, slots=True)
class Site:
    """A remote as it answered; `keeps_objects` unless its data go to a store elsewhere."""

    remote: Remote
    offer: Offer
    records: frozenset[Oid]
    keeps_objects: bool


def select(
    ws: Workspace,
    site: Site,
    catalog: Catalog,
    unshared: Collection[Oid],
    pushed: Pushed,
    *,
    lost: Collection[Oid] = (),
    progress: Progress,
) -> Selection:
    """Choose from the records that the remote does not have, or has without their objects.

    The records `lost` are known to need unavailable objects. Raises `Incomplete` if the data of
    pushed commits are unavailable.
    """
    names = {Oid.parse(row.record) for row in catalog.rows if row.keeps}
    new = _read(ws, names.intersection(unshared))
    absent = {
        oid: keeper for oid, keeper in new.items() if oid in lost or not has_roots(ws, keeper)
    }
    # With `most=0`, only known links count, and the remote is not asked.
    kept = find_kept(ws, site.remote, site.offer, new, most=0) if site.keeps_objects else set()
    needed = {oid: keeper for oid, keeper in absent.items() if oid not in kept}
    missing = _missing(ws, site, names, needed)
    if missing and site.keeps_objects:
        # More links are fetched only for records that could not be sent otherwise.
        kept |= find_kept(ws, site.remote, site.offer, missing)
        missing = {oid: keeper for oid, keeper in missing.items() if oid not in kept}
    recovered = _recover(ws, site, missing, progress)
    unavailable = missing.keys() | (set(lost) & needed.keys())
    left = frozenset(unavailable - recovered.keys())
    _refuse_lost(ws, {oid: new[oid] for oid in left}, pushed)
    if left:
        progress.tell(_explain(left, new))
    send = {oid: keeper for oid, keeper in new.items() if oid not in left and oid not in kept}
    return Selection(send | _unkept(ws, site, names, lost), left)


def _missing(ws: Workspace, site: Site, names: Collection[Oid], needed: Keepers) -> Keepers:
    """Return the records that need objects neither local nor at the destination."""
    there = _objects_there(ws, site, names, needed) if needed else set()
    return {oid: keeper for oid, keeper in needed.items() if not has_roots(ws, keeper, there)}


def _objects_there(ws: Workspace, site: Site, names: Collection[Oid], needed: Keepers) -> set[Oid]:
    """Return the needed objects that the destination has, by the records that it keeps."""
    wanted = {kept.node.oid for keeper in needed.values() for kept in keep_entries(keeper)}
    wanted = {oid for oid in wanted if oid not in ws.store}
    place = destination(ws, site.remote)
    if isinstance(place, PackBackend):
        place.refresh()
        return {oid for oid in wanted if oid in place}
    if not site.keeps_objects:
        return set()
    # A record's naming an object proves nothing. The remote's keeping the record's objects does.
    shared = _read(ws, site.records.intersection(names))
    naming = {
        oid: found for oid, keeper in shared.items() if (found := wanted & set(_roots(keeper)))
    }
    kept = find_kept(ws, site.remote, site.offer, {oid: shared[oid] for oid in naming})
    return set().union(*(naming[oid] for oid in kept))


def _roots(keeper: Record) -> Iterable[Oid]:
    return (kept.node.oid for kept in keep_entries(keeper))


def _read(ws: Workspace, oids: Iterable[Oid]) -> Keepers:
    return {oid: ws.ledger.record(oid, checked=True) for oid in sorted(oids)}


def _unkept(ws: Workspace, site: Site, names: Collection[Oid], lost: Collection[Oid]) -> Keepers:
    """Return the remote's records whose objects are local and not kept there."""
    if not site.records:
        return {}
    if not site.keeps_objects:
        return _unstored(ws, site, names, lost)
    unchecked = (
        unchecked_records(ws, site.remote, site.offer, site.records)
        .intersection(names)
        .difference(lost)
    )
    here = {oid: keeper for oid, keeper in _read(ws, unchecked).items() if has_roots(ws, keeper)}
    # Undecided records count as kept, so that they are not sent at each push.
    kept = find_kept(ws, site.remote, site.offer, here, doubtful=True)
    return {oid: keeper for oid, keeper in here.items() if oid not in kept}


def _unstored(ws: Workspace, site: Site, names: Collection[Oid], lost: Collection[Oid]) -> Keepers:
    """Return the records whose objects are here, and neither in a store that is set for the remote
    nor kept by it."""
    urls = stores_of(ws.repo.config, site.remote)
    if not urls:
        # A working clone keeps nothing by refs: what is pushed to it went to its store before.
        return {}
    unchecked = unchecked_records(ws, Remote("", urls[0]), site.offer, site.records).intersection(
        names
    )
    left = {
        oid: each
        for oid, each in _read(ws, unchecked.difference(lost)).items()
        if has_roots(ws, each)
    }
    for url in urls if left else ():
        place = find_place(ws, site.remote, url)
        if isinstance(place, PackBackend):
            place.refresh()
            left = {oid: keeper for oid, keeper in left.items() if not holds(place, keeper)}
        else:
            left = _without(
                left, find_kept(ws, place, probe_remote(ws, place), left, doubtful=True)
            )
    return _without(left, find_kept(ws, site.remote, site.offer, left, doubtful=True))


def _without(keepers: Keepers, kept: Collection[Oid]) -> Keepers:
    return {oid: keeper for oid, keeper in keepers.items() if oid not in kept}


def _recover(ws: Workspace, site: Site, absent: Keepers, progress: Progress) -> Keepers:
    """Fetch the objects of records, else store them from files; return the complete records."""
    found = _fetch(ws, site, absent, progress)
    left = _without(absent, found)
    if left and restore_from_files(ws, left, progress):
        found |= {oid: keeper for oid, keeper in left.items() if _is_complete(ws, keeper)}
    return found


def _is_complete(ws: Workspace, keeper: Record) -> bool:
    return not find_missing(ws.store, (kept.node for kept in keep_entries(keeper)))


def _fetch(ws: Workspace, site: Site, absent: Keepers, progress: Progress) -> Keepers:
    """Fetch the objects of records from other remotes; return the records that are now complete."""
    from git_datmo.remotes.fetch_objects import fetch_objects

    fetched: Keepers = {}
    for name in ws.repo.remotes() if absent else ():
        wanted = {oid: keeper for oid, keeper in absent.items() if oid not in fetched}
        # The remote that is pushed to was asked already.
        if not wanted or location(fetch_url(ws.repo.config, name)) == location(site.remote.url):
            continue
        progress.tell(
            f"the data of {_count(len(wanted))} are missing on '{site.remote.address}' and in this"
            f" clone: fetching them from '{name}'"
        )
        for oid, keeper in wanted.items():
            try:
                nodes = [kept.node for kept in keep_entries(keeper)]
                missing = fetch_objects(
                    ws, nodes, size=_size(keeper), remotes=(name,), progress=progress
                )
            except DatmoError:
                # Another remote may have the objects. If none has, the record is left out and
                # reported.
                continue
            if not missing:
                fetched[oid] = keeper
    return fetched


def _size(keeper: Record) -> int:
    return sum(kept.content.size for kept in keep_entries(keeper))


def find_lost(
    ws: Workspace, site: Site, keepers: Keepers, missing: set[Oid], progress: Progress
) -> set[Oid] | None:
    """Fetch missing objects below records; return the records that stay incomplete.

    Returns None if no record needs the objects.
    """
    holed = {oid: keeper for oid, keeper in keepers.items() if _needs(ws, keeper, missing)}
    if not holed:
        return None
    _recover(ws, site, holed, progress)
    return {oid for oid, keeper in holed.items() if _needs(ws, keeper, missing)}


def _needs(ws: Workspace, keeper: Record, missing: set[Oid]) -> bool:
    """Return True if a record needs one of the `missing` objects."""
    return bool(
        missing
        and missing & find_missing(ws.store, (kept.node for kept in keep_entries(keeper))).all
    )


def _refuse_lost(ws: Workspace, left: Keepers, pushed: Pushed) -> None:
    """Raise `Incomplete` if a record that is left out belongs to the pushed commits."""
    if not left:
        return
    since = (*pushed.commits, *(f"^{name}" for name in pushed.before))
    own = set(left) & snapshots_of(ws, since).keys()
    if own:
        first = min(own)
        who = left[first].author.name
        raise Incomplete(
            f"the data of {_count(len(own))} that {_be(len(own))} pushed are neither in this clone"
            " nor on any remote: "
            f"the first is '{str(first)[:10]}' by {who}",
            f"ask {who} to push, or give it up with 'git datmo drop {str(first)[:10]}'; "
            "'git push --no-verify' pushes the code alone",
            missing=sorted(map(str, own)),
        )


def _explain(left: Collection[Oid], keepers: Keepers) -> str:
    first = min(left)
    return (
        f"left out {_count(len(left))}, whose data are neither in this clone nor on any remote: "
        f"the first is '{str(first)[:10]}' by {keepers[first].author.name}"
        f" ('git datmo drop {str(first)[:10]}' gives it up)"
    )


def _count(number: int) -> str:
    return f"{number} experiment" if number == 1 else f"{number} experiments"


def _be(number: int) -> str:
    return "is" if number == 1 else "are"
