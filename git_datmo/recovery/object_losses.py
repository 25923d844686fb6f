"""Trace damaged and missing objects to the payloads and snapshots that need them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from git_datmo.errors import Damaged
from git_datmo.git.object_encoding import TREE, parse_tree
from git_datmo.git.packed_objects import PackedObjects
from git_datmo.git.remote_commands import Remote
from git_datmo.git.remote_urls import fetch_url
from git_datmo.history.record_heads import read_heads
from git_datmo.model import Oid
from git_datmo.objects.tree_nodes import Node, NodeKind, root_node
from git_datmo.remotes.keep_commits import keep_entries
from git_datmo.remotes.live_roots import keepers, read_catalog_of_all, working_trees
from git_datmo.remotes.unshared_count import seen_records
from git_datmo.repository.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Need:
    """A payload that some objects belong to.

    `record` is '' for a payload of a working tree. `shared` says that a remote has the record.
    """

    path: str
    record: str
    node: Node
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Loss:
    """The objects that a payload of a record has lost, by damage or without a trace."""

    path: str
    record: str
    damaged: tuple[Oid, ...]
    missing: tuple[Oid, ...]


# Objects by id, each with whether it is known to be a tree.
MissingObjects = Mapping[Oid, bool]


def find_needs(ws: Workspace) -> tuple[Need, ...]:
    """Return the payloads of records, newest first, then those of working trees."""
    there = _shared_records(ws)
    needs = []
    for oid, keeper in reversed(list(keepers(ws, read_catalog_of_all(ws)))):
        needs += [
            Need(kept.path, str(oid), kept.node, oid in there) for kept in keep_entries(keeper)
        ]
    # A payload that a record names is reported once, with the record.
    known = {need.node.oid for need in needs}
    tracked = {t.payload.path: t.payload for state in working_trees(ws) for t in state.payloads}
    needs += [
        Need(p.path, "", root_node(p.content)) for p in tracked.values() if p.object not in known
    ]
    return tuple(dict.fromkeys(needs))


def _shared_records(ws: Workspace) -> set[Oid]:
    """Return the records that a remote had when it was last asked."""
    heads = read_heads(ws)
    every = (
        seen_records(ws, heads, Remote(name, fetch_url(ws.repo.config, name)))
        for name in ws.repo.remotes()
    )
    return set[Oid]().union(*every)


@dataclass(slots=True)
class Losses:
    """Finds missing objects below others. Each tree is read once, however many payloads share
    it."""

    objects: PackedObjects
    damaged: frozenset[Oid]
    _below: dict[Oid, MissingObjects] = field(default_factory=dict)

    def of(self, need: Need) -> Loss | None:
        """Return the loss of a payload; None if nothing is missing that a remote does not have."""
        absent = self.missing_below(need.node)
        damaged = tuple(sorted(oid for oid in absent if oid in self.damaged))
        missing = (
            () if need.shared else tuple(sorted(oid for oid in absent if oid not in self.damaged))
        )
        return Loss(need.path, need.record, damaged, missing) if damaged or missing else None

    def missing_below(self, node: Node) -> MissingObjects:
        return self._missing_below(node.oid, is_tree=node.kind is NodeKind.FOLDER or node.chunked)

    def _missing_below(self, oid: Oid, *, is_tree: bool) -> MissingObjects:
        if not is_tree:
            return {} if oid in self.objects and oid not in self.damaged else {oid: False}
        if oid not in self._below:
            self._below[oid] = self._look(oid)
        return self._below[oid]

    def _look(self, oid: Oid) -> MissingObjects:
        # The empty tree need not be stored (FORMAT.md, section 2).
        if oid == self.objects.format.hash("tree", b""):
            return {}
        try:
            found = self.objects.find(oid) if oid not in self.damaged else None
            entries = None if found is None else list(parse_tree(found[1], self.objects.format))
        except Damaged:
            entries = None
        if entries is None:
            return {oid: True}
        absent: dict[Oid, bool] = {}
        for entry in entries:
            absent.update(self._missing_below(entry.oid, is_tree=entry.mode == TREE))
        return absent


def find_losses(
    objects: PackedObjects, needs: Iterable[Need], damaged: frozenset[Oid]
) -> Iterator[Loss]:
    """Yield all losses in the order of `needs`."""
    losses = Losses(objects, damaged)
    for need in needs:
        loss = losses.of(need)
        if loss is not None:
            yield loss
