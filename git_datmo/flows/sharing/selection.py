"""Chooses what a push carries: records with all their objects, and objects that the remote should have had already.

What must go and is not here is fetched from another remote. What no remote has is left out, unless it belongs to the
commits that are pushed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from git_datmo.errors import DatmoError, Incomplete
from git_datmo.flows.history import History
from git_datmo.flows.sharing.contact import ask
from git_datmo.flows.sharing.keep import kept_objects
from git_datmo.flows.sharing.missing import find_missing
from git_datmo.flows.sharing.places import destination, find_place, holds, stores_of
from git_datmo.flows.sharing.pushed import Pushed
from git_datmo.flows.sharing.whole import find_kept, has_roots, unchecked_records
from git_datmo.flows.workspace import Workspace
from git_datmo.git.remote import Offer, Remote
from git_datmo.git.urls import fetch_url, location
from git_datmo.model import Oid
from git_datmo.places.packs import PackPlace
from git_datmo.progress import Progress
from git_datmo.records.catalog import Catalog
from git_datmo.records.types import Record

Keepers = dict[Oid, Record]


@dataclass(frozen=True, slots=True)
class Selection:
    """Records with objects that go by a push: `send` has those whose objects go too, `left` those that stay here."""

    send: Keepers
    left: frozenset[Oid]


@dataclass(frozen=True, slots=True)
class Site:
    """A remote as it answered, with its `records`; `keeps_objects` unless its data go to a store elsewhere."""

    remote: Remote
    offer: Offer
    records: frozenset[Oid]
    keeps_objects: bool


def select(
    ws: Workspace,
    site: Site,
    catalog: Catalog,
    lacking: Collection[Oid],
    pushed: Pushed,
    *,
    lost: Collection[Oid] = (),
    progress: Progress,
) -> Selection:
    """Choose from the records that a remote is `lacking`, and from those that it has without their objects.

    Of the records `lost` it is known that something below their objects is nowhere.
    Raises `Incomplete` where the data of pushed commits cannot be had.
    """
    names = {Oid.parse(row.record) for row in catalog.rows if row.keeps}
    new = _read(ws, names.intersection(lacking))
    absent = {oid: keeper for oid, keeper in new.items() if oid in lost or not has_roots(ws, keeper)}
    kept = find_kept(ws, site.remote, site.offer, new, most=0) if site.keeps_objects else set()
    needed = {oid: keeper for oid, keeper in absent.items() if oid not in kept}
    missing = _missing(ws, site, names, needed)
    if missing and site.keeps_objects:
        kept |= find_kept(ws, site.remote, site.offer, missing)
        missing = {oid: keeper for oid, keeper in missing.items() if oid not in kept}
    left = frozenset((missing.keys() | set(lost) & needed.keys()) - _fetch(ws, site, missing, progress).keys())
    _refuse_lost(ws, {oid: new[oid] for oid in left}, pushed)
    if left:
        progress.tell(_explain(left, new))
    send = {oid: keeper for oid, keeper in new.items() if oid not in left and oid not in kept}
    return Selection(send | _unkept(ws, site, names, lost), left)


def _missing(ws: Workspace, site: Site, names: Collection[Oid], needed: Keepers) -> Keepers:
    """Return those records of which something is neither here nor where it is to go."""
    there = _objects_there(ws, site, names, needed) if needed else set()
    return {oid: keeper for oid, keeper in needed.items() if not has_roots(ws, keeper, there)}


def _objects_there(ws: Workspace, site: Site, names: Collection[Oid], needed: Keepers) -> set[Oid]:
    """Return those objects that records need and that are where they are to go, by what else is kept there."""
    wanted = {kept.node.oid for keeper in needed.values() for kept in kept_objects(keeper)}
    wanted = {oid for oid in wanted if oid not in ws.store}
    place = destination(ws, site.remote)
    if isinstance(place, PackPlace):
        place.refresh()
        return {oid for oid in wanted if oid in place}
    if not site.keeps_objects:
        return set()
    # That a record names an object proves nothing; that the remote keeps what the record names does.
    shared = _read(ws, site.records.intersection(names))
    naming = {oid: found for oid, keeper in shared.items() if (found := wanted & set(_roots(keeper)))}
    kept = find_kept(ws, site.remote, site.offer, {oid: shared[oid] for oid in naming})
    return set().union(*(naming[oid] for oid in kept))


def _roots(keeper: Record) -> Iterable[Oid]:
    return (kept.node.oid for kept in kept_objects(keeper))


def _read(ws: Workspace, oids: Iterable[Oid]) -> Keepers:
    return {oid: ws.ledger.record(oid, checked=True) for oid in sorted(oids)}


def _unkept(ws: Workspace, site: Site, names: Collection[Oid], lost: Collection[Oid]) -> Keepers:
    """Return the remote's records whose objects are here, and neither there nor in its stores."""
    if not site.records:
        return {}
    if not site.keeps_objects:
        return _unstored(ws, site, names, lost)
    unchecked = unchecked_records(ws, site.remote, site.offer, site.records).intersection(names).difference(lost)
    here = {oid: keeper for oid, keeper in _read(ws, unchecked).items() if has_roots(ws, keeper)}
    kept = find_kept(ws, site.remote, site.offer, here, doubtful=True)
    return {oid: keeper for oid, keeper in here.items() if oid not in kept}


def _unstored(ws: Workspace, site: Site, names: Collection[Oid], lost: Collection[Oid]) -> Keepers:
    """Return the records whose objects are here, and neither in a store that is set for the remote nor kept by it."""
    urls = stores_of(ws.repo.config, site.remote)
    if not urls:
        # A working clone keeps nothing by refs: what is pushed to it went to its store before.
        return {}
    unchecked = unchecked_records(ws, Remote("", urls[0]), site.offer, site.records).intersection(names)
    left = {oid: each for oid, each in _read(ws, unchecked.difference(lost)).items() if has_roots(ws, each)}
    for url in urls if left else ():
        place = find_place(ws, site.remote, url)
        if isinstance(place, PackPlace):
            place.refresh()
            left = {oid: keeper for oid, keeper in left.items() if not holds(place, keeper)}
        else:
            left = _without(left, find_kept(ws, place, ask(ws, place), left, doubtful=True))
    return _without(left, find_kept(ws, site.remote, site.offer, left, doubtful=True))


def _without(keepers: Keepers, kept: Collection[Oid]) -> Keepers:
    return {oid: keeper for oid, keeper in keepers.items() if oid not in kept}


def _fetch(ws: Workspace, site: Site, absent: Keepers, progress: Progress) -> Keepers:
    """Fetch the objects of records from other remotes; return those records of which all is here then."""
    from git_datmo.flows.sharing.obtain import obtain

    fetched: Keepers = {}
    for name in ws.repo.remotes() if absent else ():
        wanted = {oid: keeper for oid, keeper in absent.items() if oid not in fetched}
        if not wanted or location(fetch_url(ws.repo.config, name)) == location(site.remote.url):
            continue
        progress.tell(
            f"'{site.remote.address}' lacks the data of {_count(len(wanted))} that {_be(len(wanted))} not here: "
            f"fetching what '{name}' has of them"
        )
        for oid, keeper in wanted.items():
            try:
                nodes = [kept.node for kept in kept_objects(keeper)]
                missing = obtain(ws, nodes, size=_size(keeper), remotes=(name,), progress=progress)
            except DatmoError:
                # Another remote may have it; where none has, the record is left out and named.
                continue
            if not missing:
                fetched[oid] = keeper
    return fetched


def _size(keeper: Record) -> int:
    return sum(kept.content.size for kept in kept_objects(keeper))


def find_lost(ws: Workspace, site: Site, keepers: Keepers, missing: set[Oid], progress: Progress) -> set[Oid] | None:
    """Fetch objects that are `missing` below what records name, and return the records for which none came.

    Return None where no record needs them.
    """
    holed = {oid: keeper for oid, keeper in keepers.items() if _needs(ws, keeper, missing)}
    if not holed:
        return None
    _fetch(ws, site, holed, progress)
    return {oid for oid, keeper in holed.items() if _needs(ws, keeper, missing)}


def _needs(ws: Workspace, keeper: Record, missing: set[Oid]) -> bool:
    """Return whether one of the `missing` objects is lacking below what a record names."""
    return bool(missing and missing & find_missing(ws.store, (kept.node for kept in kept_objects(keeper))).all)


def _refuse_lost(ws: Workspace, left: Keepers, pushed: Pushed) -> None:
    """Raise `Incomplete` where a record that is left out belongs to the commits that are pushed."""
    if not left:
        return
    own = set(left) & snapshots_of(ws, (*pushed.commits, *(f"^{name}" for name in pushed.before)))
    if own:
        first = min(own)
        who = left[first].author.name
        raise Incomplete(
            f"the data of {_count(len(own))} that {_be(len(own))} pushed are neither here nor on any remote: "
            f"the first is '{str(first)[:10]}' by {who}",
            f"ask {who} to push, or give it up with 'git datmo drop {str(first)[:10]}'; "
            "'git push --no-verify' pushes the code alone",
            missing=sorted(map(str, own)),
        )


def snapshots_of(ws: Workspace, revisions: tuple[str, ...]) -> set[Oid]:
    """Return the snapshots that belong to the commits of a revision range, by whatever way."""
    return {found.id for found in History(ws).walk(revisions)} if revisions else set()


def records_of(ws: Workspace, catalog: Catalog, revisions: tuple[str, ...], there: Iterable[Oid]) -> set[Oid]:
    """Return the snapshots that belong to the commits of a revision range, and what was said about them.

    What was said about the records that are `there` already is among that.
    """
    found = {*map(str, there), *map(str, snapshots_of(ws, revisions))}
    # What speaks of a record was made after it, and the rows stand in the order in which they were made.
    for row in catalog.rows:
        if not found.isdisjoint(row.about):
            found.add(row.record)
    return set(map(Oid.parse, found))


def _explain(left: Collection[Oid], keepers: Keepers) -> str:
    first = min(left)
    return (
        f"left out {_count(len(left))}, whose data are neither here nor on any remote: "
        f"the first is '{str(first)[:10]}' by {keepers[first].author.name}"
    )


def _count(number: int) -> str:
    return f"{number} experiment" if number == 1 else f"{number} experiments"


def _be(number: int) -> str:
    return "is" if number == 1 else "are"
