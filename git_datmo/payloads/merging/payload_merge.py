"""Merge three versions of a set of payloads by content; fetch missing trees."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from git_datmo.errors import DatmoError, Incomplete
from git_datmo.model import Content, Oid, Payload, Role
from git_datmo.objects.three_way_merge import Merger
from git_datmo.objects.tree_nodes import Node, root_node
from git_datmo.payloads.merging.derived_payloads import differing, measure
from git_datmo.payloads.record_claims import claim_of, refuse_false_claims
from git_datmo.progress import QUIET, Progress
from git_datmo.remotes.fetch_objects import obtain_trees
from git_datmo.remotes.required_objects import require
from git_datmo.repository.workspace import Workspace

_T = TypeVar("_T")

Payloads = dict[str, Payload]


@dataclass(frozen=True, slots=True)
class Merged:
    """The united payloads by path, and the paths that keep one side's version until a person
    decides."""

    payloads: Payloads
    kept: tuple[str, ...] = ()


def by_path(payloads: Iterable[Payload]) -> Payloads:
    """Return payloads by their paths."""
    return {payload.path: payload for payload in payloads}


class PayloadMerger:
    """Merges payloads.

    The content of `fetched` paths is needed, since their files are placed. `droppable` are objects
    of dropped snapshots, whose trees may be gone.
    """

    def __init__(
        self, ws: Workspace, *, fetched: Iterable[str] = (), progress: Progress = QUIET
    ) -> None:
        self._ws, self._progress = ws, progress
        self._fetched = frozenset(fetched)
        self._kept: list[str] = []
        self.droppable: set[Oid] = set()

    def merge(self, base: Payloads, ours: Payloads, theirs: Payloads) -> Merged:
        """Take the changes of either side since `base`; where both differ, `ours` stays."""
        self._kept = []
        united: Payloads = {}
        # A folder sorts before the paths in it, so an outer payload is united first.
        for path in sorted({*base, *ours, *theirs}):
            payload = self._payload(path, base.get(path), ours.get(path), theirs.get(path))
            around = next((outer for outer in united if path.startswith(outer + "/")), None)
            if payload is not None and around is not None:
                # One side made a folder a payload that the other has within a payload: no snapshot
                # can have both.
                gone = around if path in ours else path
                self._kept.append(gone)
                united.pop(gone, None)
                payload = payload if path in ours else None
            if payload is not None:
                united[path] = payload
        return Merged(united, tuple(self._kept))

    def _payload(
        self, path: str, base: Payload | None, ours: Payload | None, theirs: Payload | None
    ) -> Payload | None:
        # A payload that only one side changed is taken whole: its trees need not be present.
        if theirs in (ours, base):
            return ours
        if ours == base:
            return theirs
        if _content(theirs) in (_content(ours), _content(base)) and ours is not None:
            return Payload(path, _role(base, ours, theirs), ours.content)
        nodes = [
            root_node(side.content) if side is not None else None for side in (base, ours, theirs)
        ]
        if path in self._fetched and nodes[2] is not None:
            # The content of files is needed only where they are placed; other payloads are united
            # by trees.
            require(self._ws, [(path, nodes[2])], progress=self._progress)
        self._refuse_false_claims(path, ours, theirs)
        node, conflicts = self._nodes(nodes)
        self._kept += (os.fsdecode(b"/".join((path.encode(), *steps))) for steps in conflicts)
        known = next(side.content for side in (ours, theirs, base) if side is not None)
        return (
            Payload(path, _role(base, ours, theirs), self.measure(path, node, known))
            if node is not None
            else None
        )

    def _refuse_false_claims(self, path: str, ours: Payload | None, theirs: Payload | None) -> None:
        """Raise `DatmoError` if a side differs from the other by more than its record says."""
        for side, other in ((ours, theirs), (theirs, ours)):
            if side is not None:
                # A payload that the other side has does not count again, since it exists already.
                old = other.content if other is not None else None
                claims = [claim_of(path, side.content, old)]
                self._fetching(partial(refuse_false_claims, self._ws, claims))

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
            # Without the base's trees, the side that changed a path is unknown.
            return ours, [()]

    def measure(self, path: str, node: Node, known: Content) -> Content:
        """Return the content of a payload that became `node`, computed from a `known` one."""
        files = self._fetching(lambda: differing(self._ws, path, known, node))
        require(self._ws, files, progress=self._progress)
        return measure(self._ws, node, known)

    def _fetching(self, attempt: Callable[[], _T]) -> _T:
        """Return the result of `attempt` after fetching the trees that it reads."""
        # Each attempt goes as far as the trees allow. It is repeated after those that it named were
        # fetched.
        while True:
            try:
                return attempt()
            except Incomplete as error:
                missing = [Oid.parse(text) for text in error.missing]
            obtain_trees(self._ws, missing, progress=self._progress)


def refuse_unfetched(merged: Merged, asleep: Iterable[str], hint: str) -> None:
    """Raise `DatmoError` if a person would have to decide about a payload that is not fetched."""
    for path in asleep:
        if any((kept + "/").startswith(path + "/") for kept in merged.kept):
            raise DatmoError(
                f"both sides changed '{path}', which is not fetched: the payloads were not merged",
                hint,
            )


def _content(payload: Payload | None) -> Content | None:
    return payload.content if payload is not None else None


def _role(base: Payload | None, ours: Payload | None, theirs: Payload | None) -> Role:
    """Return the role that one side changed; ours if both did."""
    before, mine, other = map(_role_of, (base, ours, theirs))
    we_changed = mine not in (None, before)
    if other is not None and not we_changed:
        return other
    return mine or Role.DATA


def _role_of(side: Payload | None) -> Role | None:
    return side.role if side is not None else None
