"""How much room payloads and snapshots take up: in the store, or on a remote as its records tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from git_datmo.flows.sharing.keep import Kept, kept_objects
from git_datmo.flows.sharing.obtain import fetch
from git_datmo.flows.space.beside import Beside, measure_beside, size_on_disk
from git_datmo.flows.space.needs import keepers, read_catalog_of_all, working_trees
from git_datmo.flows.workspace import Workspace
from git_datmo.git.namespaces import NAMESPACES
from git_datmo.git.objects import TREE, parse_tree
from git_datmo.git.packs import PackedObjects
from git_datmo.model import Oid, Payload
from git_datmo.progress import QUIET, Progress
from git_datmo.records.listing import list_records
from git_datmo.records.types import Image, Record, Snapshot
from git_datmo.store.layout import Kind
from git_datmo.store.weigh import weigh

_K = TypeVar("_K", Snapshot, Image)

# Stands for working trees where records are named; it is no record's id.
TRACKED = "tracked"


@dataclass(frozen=True, slots=True)
class PayloadUse:
    """A payload path in all its versions, and the bytes that it alone needs; ':code' and the like are no payloads."""

    path: str
    versions: int
    own: int


@dataclass(frozen=True, slots=True)
class RecordUse(Generic[_K]):
    """A record, the size of all that it names, and the bytes that it alone needs: what dropping it would free."""

    id: Oid
    record: _K
    size: int
    own: int


@dataclass(frozen=True, slots=True)
class Together:
    """Records that keep the same objects, and the bytes that these alone need: freed when all of them are dropped."""

    records: tuple[str, ...]
    own: int


@dataclass(frozen=True, slots=True)
class Use:
    """What the store holds, as it is packed; `disk` is what its files take up, whatever they hold.

    `beside` is what lies beside it.
    """

    payloads: tuple[PayloadUse, ...]
    payloads_shared: int
    snapshots: tuple[RecordUse[Snapshot], ...]
    images: tuple[RecordUse[Image], ...]
    together: tuple[Together, ...]
    snapshots_shared: int
    total: int
    disk: int
    beside: Beside


@dataclass(frozen=True, slots=True)
class RemotePayload:
    """A payload path on a remote: its versions, their recorded sizes, and those of the versions that are here whole."""

    path: str
    versions: int
    size: int
    here: int


@dataclass(frozen=True, slots=True)
class RemoteUse:
    """What a remote's records name; an object that several paths have counts for each of them, and once in all."""

    remote: str
    payloads: tuple[RemotePayload, ...]
    snapshots: int
    size: int
    here: int


def measure(ws: Workspace, *, progress: Progress = QUIET) -> Use:
    """What payloads and snapshots take up here."""
    progress.begin("Measuring")
    catalog = read_catalog_of_all(ws)
    living = list(keepers(ws, catalog))
    tracked = [t.payload for state in working_trees(ws) for t in state.payloads]
    by_path: dict[str, dict[Oid, None]] = {}
    for kept in (kept for _, keeper in living for kept in kept_objects(keeper)):
        by_path.setdefault(kept.path, {})[kept.content.object] = None
    for payload in tracked:
        by_path.setdefault(payload.path, {})[payload.object] = None
    by_records = _by_records(living, tracked)
    paths, each = weigh(ws.store.objects, by_path, {" ".join(records): roots for records, roots in by_records.items()})
    progress.finish()
    together = [Together(records, each.own[" ".join(records)]) for records in by_records if len(records) > 1]
    shared = each.shared + sum(group.own for group in together)
    return Use(
        tuple(PayloadUse(path, len(by_path[path]), own) for path, own in sorted(paths.own.items())),
        paths.shared,
        tuple(_uses(living, each.own, Snapshot)),
        tuple(_uses(living, each.own, Image)),
        tuple(group for group in reversed(together) if group.own and TRACKED not in group.records),
        shared,
        paths.total,
        size_on_disk([ws.store.path]),
        measure_beside(ws, catalog, [keeper for _, keeper in living]),
    )


def _by_records(living: Iterable[tuple[Oid, Record]], tracked: Iterable[Payload]) -> dict[tuple[str, ...], list[Oid]]:
    """Return the objects that records keep, by all the records that keep just them; working trees are `TRACKED`."""
    names: dict[Oid, dict[str, None]] = {}
    for oid, keeper in living:
        for kept in kept_objects(keeper):
            names.setdefault(kept.content.object, {})[str(oid)] = None
    for payload in tracked:
        names.setdefault(payload.object, {})[TRACKED] = None
    grouped: dict[tuple[str, ...], list[Oid]] = {}
    for root, records in names.items():
        grouped.setdefault(tuple(records), []).append(root)
    return grouped


def _uses(living: Iterable[tuple[Oid, Record]], own: Mapping[str, int], kind: type[_K]) -> Iterator[RecordUse[_K]]:
    """The records of a kind, newest first."""
    for oid, keeper in reversed(list(living)):
        if isinstance(keeper, kind):
            yield RecordUse(oid, keeper, _size(keeper), own.get(str(oid), 0))


def _size(keeper: Record) -> int:
    return sum({kept.content.object: kept.content.size for kept in kept_objects(keeper)}.values())


def measure_remote(ws: Workspace, name: str = "", *, progress: Progress = QUIET) -> RemoteUse:
    """What a remote holds by its own records, which are fetched, and what of it is here."""
    remote, offer = name or ws.repo.default_remote() or "", fetch(ws, name, progress=progress)
    tips = [tip for ns in NAMESPACES if (tip := offer.refs.get(ns.records)) is not None]
    there = set[Oid]().union(*(list_records(ws.odb, tip) for tip in tips))
    living = [keeper for oid, keeper in keepers(ws, read_catalog_of_all(ws)) if oid in there]
    by_path: dict[str, dict[Oid, Kept]] = {}
    for kept in (kept for keeper in living for kept in kept_objects(keeper)):
        by_path.setdefault(kept.path, {})[kept.content.object] = kept
    whole = _Whole(ws.store.objects)
    rows, every = [], dict[Oid, Kept]()
    for path, versions in sorted(by_path.items()):
        here = (kept for kept in versions.values() if whole.has(kept))
        rows.append(RemotePayload(path, len(versions), _sum(versions.values()), _sum(here)))
        every |= versions
    here_of_all = _sum(kept for kept in every.values() if whole.has(kept))
    snapshots = sum(isinstance(keeper, Snapshot) for keeper in living)
    return RemoteUse(remote, tuple(rows), snapshots, _sum(every.values()), here_of_all)


def _sum(kept: Iterable[Kept]) -> int:
    return sum(each.content.size for each in kept)


class _Whole:
    """Which contents are here with all that they consist of; versions share most trees, so each is looked at once."""

    def __init__(self, objects: PackedObjects) -> None:
        self._objects = objects
        self._trees: dict[Oid, bool] = {objects.format.hash("tree", b""): True}

    def has(self, kept: Kept) -> bool:
        node = kept.node
        return self._has(node.oid, is_tree=node.kind is Kind.FOLDER or node.chunked)

    def _has(self, oid: Oid, *, is_tree: bool) -> bool:
        if not is_tree:
            return oid in self._objects
        if oid not in self._trees:
            found = self._objects.find(oid)
            self._trees[oid] = found is not None and all(
                self._has(entry.oid, is_tree=entry.mode == TREE) for entry in parse_tree(found[1], self._objects.format)
            )
        return self._trees[oid]
