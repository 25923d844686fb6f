"""Measure how much space payloads and snapshots use, in the store or on a remote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from git_datmo.git.object_encoding import TREE, parse_tree
from git_datmo.git.packed_objects import PackedObjects
from git_datmo.model import Oid, Payload
from git_datmo.objects.disk_usage import weigh
from git_datmo.objects.tree_nodes import NodeKind
from git_datmo.progress import QUIET, Progress
from git_datmo.records.image_record import Image
from git_datmo.records.listing import list_records
from git_datmo.records.namespaces import NAMESPACES
from git_datmo.records.record_registry import Record
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.remotes.fetch_objects import fetch
from git_datmo.remotes.keep_commits import KeptEntry, keep_entries
from git_datmo.remotes.live_roots import keepers, read_catalog_of_all, working_trees
from git_datmo.repository.workspace import Workspace
from git_datmo.space.files_outside_store import Beside, measure_beside, size_on_disk

_K = TypeVar("_K", Snapshot, Image)

# Stands for working trees among record ids.
TRACKED = "tracked"


@dataclass(frozen=True, slots=True)
class PayloadUse:
    """A payload path in all versions, and the bytes that it alone needs.

    Names like ':code' stand for content that is no payload.
    """

    path: str
    versions: int
    own: int


@dataclass(frozen=True, slots=True)
class RecordUse(Generic[_K]):
    """A record, the size of its content, and the bytes that dropping it would free."""

    id: Oid
    record: _K
    size: int
    own: int


@dataclass(frozen=True, slots=True)
class Together:
    """Records that keep the same objects, and the bytes that dropping all of them would free."""

    records: tuple[str, ...]
    own: int


@dataclass(frozen=True, slots=True)
class Use:
    """The use of the store in packed bytes; `disk` is the size of its files, `beside` of files
    beside it."""

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
    """A payload path on a remote: its versions, their size, and the size of versions that are
    local."""

    path: str
    versions: int
    size: int
    here: int


@dataclass(frozen=True, slots=True)
class RemoteUse:
    """The content that a remote's records name. An object of several paths counts for each, and
    once in the sum."""

    remote: str
    payloads: tuple[RemotePayload, ...]
    snapshots: int
    size: int
    here: int


def measure(ws: Workspace, *, progress: Progress = QUIET) -> Use:
    """Measure the store."""
    progress.begin("Measuring")
    catalog = read_catalog_of_all(ws)
    living = list(keepers(ws, catalog))
    tracked = [t.payload for state in working_trees(ws) for t in state.payloads]
    by_path: dict[str, dict[Oid, None]] = {}
    for kept in (kept for _, keeper in living for kept in keep_entries(keeper)):
        by_path.setdefault(kept.path, {})[kept.content.object] = None
    for payload in tracked:
        by_path.setdefault(payload.path, {})[payload.object] = None
    by_records = _by_records(living, tracked)
    paths, each = weigh(
        ws.store.objects,
        by_path,
        {" ".join(records): roots for records, roots in by_records.items()},
    )
    progress.finish()
    together = [
        Together(records, each.own[" ".join(records)]) for records in by_records if len(records) > 1
    ]
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


def _by_records(
    living: Iterable[tuple[Oid, Record]], tracked: Iterable[Payload]
) -> dict[tuple[str, ...], list[Oid]]:
    """Group objects by the set of records that keep them; working trees count as `TRACKED`."""
    names: dict[Oid, dict[str, None]] = {}
    for oid, keeper in living:
        for kept in keep_entries(keeper):
            names.setdefault(kept.content.object, {})[str(oid)] = None
    for payload in tracked:
        names.setdefault(payload.object, {})[TRACKED] = None
    grouped: dict[tuple[str, ...], list[Oid]] = {}
    for root, records in names.items():
        grouped.setdefault(tuple(records), []).append(root)
    return grouped


def _uses(
    living: Iterable[tuple[Oid, Record]], own: Mapping[str, int], kind: type[_K]
) -> Iterator[RecordUse[_K]]:
    """Yield the records of a kind, newest first."""
    for oid, keeper in reversed(list(living)):
        if isinstance(keeper, kind):
            yield RecordUse(oid, keeper, _size(keeper), own.get(str(oid), 0))


def _size(keeper: Record) -> int:
    return sum({kept.content.object: kept.content.size for kept in keep_entries(keeper)}.values())


def measure_remote(ws: Workspace, name: str = "", *, progress: Progress = QUIET) -> RemoteUse:
    """Measure a remote by its own records, which are fetched, and how much of it is local."""
    remote, offer = name or ws.repo.default_remote() or "", fetch(ws, name, progress=progress)
    tips = [tip for ns in NAMESPACES if (tip := offer.refs.get(ns.records)) is not None]
    shared = set[Oid]().union(*(list_records(ws.odb, tip) for tip in tips))
    living = [keeper for oid, keeper in keepers(ws, read_catalog_of_all(ws)) if oid in shared]
    whole = _Whole(ws.store.objects)
    rows, every = [], dict[Oid, KeptEntry]()
    for path, versions in sorted(_versions_by_path(living).items()):
        size, local = _sum(versions.values()), _sum(filter(whole.has, versions.values()))
        rows.append(RemotePayload(path, len(versions), size, local))
        every |= versions
    snapshots = sum(isinstance(keeper, Snapshot) for keeper in living)
    size, local = _sum(every.values()), _sum(filter(whole.has, every.values()))
    return RemoteUse(remote, tuple(rows), snapshots, size, local)


def _versions_by_path(records: Iterable[Record]) -> dict[str, dict[Oid, KeptEntry]]:
    """Return the content that records keep, by its path and object."""
    by_path: dict[str, dict[Oid, KeptEntry]] = {}
    for record in records:
        for kept in keep_entries(record):
            by_path.setdefault(kept.path, {})[kept.content.object] = kept
    return by_path


def _sum(kept: Iterable[KeptEntry]) -> int:
    return sum(each.content.size for each in kept)


class _Whole:
    """Finds contents that are completely local. Versions share most trees, so each is read once."""

    def __init__(self, objects: PackedObjects) -> None:
        self._objects = objects
        # The empty tree need not be stored (FORMAT.md, section 2).
        self._trees: dict[Oid, bool] = {objects.format.hash("tree", b""): True}

    def has(self, kept: KeptEntry) -> bool:
        node = kept.node
        return self._has(node.oid, is_tree=node.kind is NodeKind.FOLDER or node.chunked)

    def _has(self, oid: Oid, *, is_tree: bool) -> bool:
        if not is_tree:
            return oid in self._objects
        if oid not in self._trees:
            found = self._objects.find(oid)
            self._trees[oid] = found is not None and all(
                self._has(entry.oid, is_tree=entry.mode == TREE)
                for entry in parse_tree(found[1], self._objects.format)
            )
        return self._trees[oid]
