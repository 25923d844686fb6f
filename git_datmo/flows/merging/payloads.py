"""Three versions of a set of payloads become one, by content alone; trees that are missing are fetched."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from git_datmo.errors import DatmoError, Incomplete
from git_datmo.flows.merging.contents import differing, measure
from git_datmo.flows.sharing.obtain import obtain_trees
from git_datmo.flows.sharing.require import require
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Content, Oid, Payload, Role
from git_datmo.progress import QUIET, Progress
from git_datmo.store.layout import Node, root_node
from git_datmo.store.merge import Merger

_T = TypeVar("_T")

Payloads = dict[str, Payload]


@dataclass(frozen=True, slots=True)
class Merged:
    """The united payloads by path, and the paths in them that stay as one side has them until a person decides."""

    payloads: Payloads
    kept: tuple[str, ...] = ()


def by_path(payloads: Iterable[Payload]) -> Payloads:
    """Return payloads by their paths."""
    return {payload.path: payload for payload in payloads}


class PayloadMerger:
    """Merges payloads.

    `fetched` are the paths whose files are here, so that all of their content is needed. `droppable` are objects of
    dropped snapshots: their trees may be gone for good.
    """

    def __init__(self, ws: Workspace, *, fetched: Iterable[str] = (), progress: Progress = QUIET) -> None:
        self._ws, self._progress = ws, progress
        self._fetched = frozenset(fetched)
        self._kept: list[str] = []
        self.droppable: set[Oid] = set()

    def merge(self, base: Payloads, ours: Payloads, theirs: Payloads) -> Merged:
        """Take what either side changed since `base`; what both changed differently stays as `ours` has it."""
        self._kept = []
        united: Payloads = {}
        for path in sorted({*base, *ours, *theirs}):
            payload = self._payload(path, base.get(path), ours.get(path), theirs.get(path))
            around = next((outer for outer in united if path.startswith(outer + "/")), None)
            if payload is not None and around is not None:
                # One side has made a payload of a folder in which the other has one: no snapshot can have both.
                gone = around if path in ours else path
                self._kept.append(gone)
                united.pop(gone, None)
                payload = payload if path in ours else None
            if payload is not None:
                united[path] = payload
        return Merged(united, tuple(self._kept))

    def _payload(self, path: str, base: Payload | None, ours: Payload | None, theirs: Payload | None) -> Payload | None:
        if theirs in (ours, base):
            return ours
        if ours == base:
            return theirs
        if _content(theirs) in (_content(ours), _content(base)) and ours is not None:
            return Payload(path, _role(base, ours, theirs), ours.content)
        nodes = [root_node(side.content) if side is not None else None for side in (base, ours, theirs)]
        if path in self._fetched and nodes[2] is not None:
            require(self._ws, [(path, nodes[2])], progress=self._progress)
        node, conflicts = self._nodes(nodes)
        self._kept += (os.fsdecode(b"/".join((path.encode(), *steps))) for steps in conflicts)
        known = next(side.content for side in (ours, theirs, base) if side is not None)
        return Payload(path, _role(base, ours, theirs), self.measure(path, node, known)) if node is not None else None

    def _nodes(self, nodes: Sequence[Node | None]) -> tuple[Node | None, list[tuple[bytes, ...]]]:
        store, (base, ours, theirs) = self._ws.store, nodes

        def attempt() -> tuple[Node | None, list[tuple[bytes, ...]]]:
            with store.writer() as writer:
                merger = Merger(store.read_tree, writer.put_tree, store.format)
                node = merger.merge(base, ours, theirs)
            return node, [conflict.path for conflict in merger.conflicts]

        try:
            return self._fetching(attempt)
        except Incomplete:
            if base is None or base.oid not in self.droppable:
                raise
            # Without the trees of the base nothing tells who changed what in it.
            return ours, [()]

    def measure(self, path: str, node: Node, known: Content) -> Content:
        """Return the content of a payload that became `node`, from one that is `known`."""
        files = self._fetching(lambda: differing(self._ws, path, known, node))
        require(self._ws, files, progress=self._progress)
        return measure(self._ws, node, known)

    def _fetching(self, attempt: Callable[[], _T]) -> _T:
        """Return what `attempt` does once the trees that it reads are here."""
        while True:
            try:
                return attempt()
            except Incomplete as error:
                lacking = [Oid.parse(text) for text in error.missing]
            obtain_trees(self._ws, lacking, progress=self._progress)


def refuse_unfetched(merged: Merged, asleep: Iterable[str], way: str) -> None:
    """Raise `DatmoError` where a person had to decide about a payload that is not fetched."""
    for path in asleep:
        if any((kept + "/").startswith(path + "/") for kept in merged.kept):
            raise DatmoError(f"both sides changed '{path}', which is not fetched: the payloads were not merged", way)


def _content(payload: Payload | None) -> Content | None:
    return payload.content if payload is not None else None


def _role(base: Payload | None, ours: Payload | None, theirs: Payload | None) -> Role:
    """Return the role that one side gave; ours where both did."""
    mine, other = (side.role if side is not None else None for side in (ours, theirs))
    before = base.role if base is not None else None
    return (other if other is not None and mine in (None, before) else mine) or Role.DATA
