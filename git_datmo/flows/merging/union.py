"""One merge of payloads: what they become, placed in the working tree, and the snapshot of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from git_datmo.errors import DatmoError, Incomplete
from git_datmo.flows.attach import Asked
from git_datmo.flows.changes import find_differences
from git_datmo.flows.merging.contents import differing, measure, rewrite
from git_datmo.flows.merging.placing import (
    as_placed,
    carry_out,
    finish,
    last_snapshot,
    refuse_tracked_by_git,
    what_is_at,
)
from git_datmo.flows.merging.sides import Payloads, Sides, by_path
from git_datmo.flows.merging.unresolved import Pending, node_name, read_pending, write_pending
from git_datmo.flows.sharing.obtain import obtain_trees
from git_datmo.flows.sharing.require import require
from git_datmo.flows.snapshot import attach_snapshot
from git_datmo.flows.tracked import save
from git_datmo.flows.underway import end_merge
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Content, Oid, Payload, Role
from git_datmo.progress import Progress
from git_datmo.store.checkout import Checkout, Conflict, Placement
from git_datmo.store.layout import Node, compare, root_node
from git_datmo.store.merge import Merger
from git_datmo.store.statcache import Differences
from git_datmo.store.tracking import Tracked, Tracking

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class United:
    """What a merge of payloads did: the paths that changed, and those that wait for a decision, with `hint` on how."""

    snapshot: str
    placed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    hint: str = ""
    warnings: tuple[str, ...] = ()


class Union:
    """One merge of payloads; `payloads` is what comes of it, `kept` the paths that stay as they are here."""

    def __init__(self, ws: Workspace, sides: Sides, tracking: Tracking, progress: Progress) -> None:
        self._ws, self._sides, self._tracking, self._progress = ws, sides, tracking, progress
        self._placed = {tracked.payload.path: tracked for tracked in tracking.payloads if tracked.placed}
        self._asleep = {tracked.payload.path for tracked in tracking.payloads if not tracked.placed}
        self._payloads: Payloads = {}
        # What an earlier step of a rebase left undecided is so still.
        pending = read_pending(ws)
        self._kept = list(pending.paths) if pending is not None and pending.placed else []

    def unite_payloads(self) -> None:
        """Find out what the payloads become, by content alone; objects that are missing are fetched."""
        sides = self._sides.base, self._mine(), by_path(self._sides.theirs.snapshot.payloads)
        for path in sorted(set().union(*sides)):
            base, ours, theirs = (side.get(path) for side in sides)
            united = self._payload(path, base, ours, theirs)
            around = next((outer for outer in self._payloads if path.startswith(outer + "/")), None)
            if united is not None and around is not None:
                # One side has made a payload of a folder in which the other has one: no snapshot can have both.
                gone = around if ours is not None else path
                self._kept.append(gone)
                self._payloads.pop(gone, None)
                united = united if ours is not None else None
            if united is not None:
                self._payloads[path] = united

    def _mine(self) -> Payloads:
        """Our side: the snapshot's payloads, and what the working tree tracks beyond its own last snapshot."""
        here = by_path(tracked.payload for tracked in self._tracking.payloads)
        if self._tracking.snapshot == str(self._sides.ours.id):
            return here
        stored = last_snapshot(self._ws, self._tracking)
        added = {path: payload for path, payload in here.items() if stored.get(path) != payload.content}
        return by_path(self._sides.ours.snapshot.payloads) | added

    def _payload(self, path: str, base: Payload | None, ours: Payload | None, theirs: Payload | None) -> Payload | None:
        if theirs in (ours, base):
            return ours
        if ours == base:
            return theirs
        nodes = [root_node(side.content) if side is not None else None for side in (base, ours, theirs)]
        if path in self._placed and nodes[2] is not None:
            require(self._ws, [(path, nodes[2])], progress=self._progress)
        node, conflicts = self._nodes(nodes)
        if conflicts and path in self._asleep:
            raise DatmoError(
                f"both sides changed '{path}', which is not fetched here: the payloads were not merged",
                f"fetch it with 'git datmo checkout {str(self._sides.ours.id)[:10]}', then run 'git datmo pull'",
            )
        self._kept += (os.fsdecode(b"/".join((path.encode(), *steps))) for steps in conflicts)
        known = next(side.content for side in (ours, theirs, base) if side is not None)
        return Payload(path, _role(base, ours, theirs), self._measure(path, node, known)) if node is not None else None

    def _nodes(self, nodes: Sequence[Node | None]) -> tuple[Node | None, list[tuple[bytes, ...]]]:
        store, (base, ours, theirs) = self._ws.store, nodes

        def attempt() -> tuple[Node | None, list[tuple[bytes, ...]]]:
            with store.writer() as writer:
                merger = Merger(store.read_tree, writer.put_tree, store.format)
                node = merger.merge(base, ours, theirs)
            return node, [conflict.path for conflict in merger.conflicts]

        return self._fetching(attempt)

    def _measure(self, path: str, node: Node, known: Content) -> Content:
        files = self._fetching(lambda: differing(self._ws, path, known, node))
        require(self._ws, files, progress=self._progress)
        return measure(self._ws, node, known)

    def _fetching(self, attempt: Callable[[], _T]) -> _T:
        """What `attempt` returns once the trees that it reads are here."""
        while True:
            try:
                return attempt()
            except Incomplete as error:
                lacking = [Oid.parse(text) for text in error.missing]
            obtain_trees(self._ws, lacking, progress=self._progress)

    def place(self) -> tuple[str, ...]:
        """Put what was united into the working tree, where a changed file stays as it is; returns the paths written.

        Raises `DatmoError` before anything changed.
        """
        ws, sides = self._ws, self._sides
        coming = [p for p in self._payloads.values() if p.path not in self._asleep] if self._placed else []
        refuse_tracked_by_git(ws, coming)
        require(ws, ((payload.path, root_node(payload.content)) for payload in coming), progress=self._progress)
        edit = ws.cache.edit()
        checkout = Checkout(ws.store, ws.root, edit, self._progress)
        differences = find_differences(ws, self._tracking)
        placements: dict[str, Placement] = {}
        for path in sorted({payload.path for payload in coming} | self._placed.keys()):
            tracked = self._placed.get(path)
            around = differences[path] if tracked is not None else what_is_at(ws, path)
            placements[path] = self._settle(checkout, path, tracked, around)
        write_pending(ws, Pending(str(sides.commit), str(sides.ours.id), str(sides.theirs.id), placed=False))
        self._progress.begin("Checking out", sum(payload.content.size for payload in coming))
        carry_out(ws, "", checkout, placements)
        self._progress.finish()
        there = [self._payloads[path] for path in placements if path in self._payloads]
        asleep = [Tracked(p, placed=False) for p in self._payloads.values() if p.path not in placements]
        after = Tracking((), str(sides.ours.id)).having([*asleep, *as_placed(ws, self._tracking, there)])
        finish(ws, self._tracking, after, edit)
        self._tracking = after
        return tuple(path for path, plan in placements.items() if plan.changes_files)

    def _settle(self, checkout: Checkout, path: str, tracked: Tracked | None, around: Differences) -> Placement:
        """The steps that lead to the united payload, without those that would overwrite what is stored nowhere.

        What these would have changed is taken out of the united payload again.
        """
        old = root_node(tracked.payload.content) if tracked is not None else None
        while True:
            payload = self._payloads.get(path)
            new = root_node(payload.content) if payload is not None else None
            # A file that was deleted here is not brought back because of a merge.
            gone = tuple(each for each in around.missing if checkout.find(new, _steps(each, path)) is None)
            around = replace(around, missing=gone)
            try:
                return checkout.plan(path, old, new, around)
            except Conflict as conflict:
                held = set(conflict.paths)
            top = os.fsencode(path)
            touched = {b"/".join((top, *each.path)): each for each in compare(old, new, self._ws.store.read_tree)}
            near = {name for name in touched if name in held} or {
                name for name in touched for each in held if _is_within(name, each) or _is_within(each, name)
            }
            around = _without(around, held)
            if not near:
                continue
            self._kept += sorted(os.fsdecode(name) for name in near)
            node = rewrite(self._ws, new, {touched[name].path: touched[name].old for name in near})
            before = self._payloads.pop(path, None) or (tracked.payload if tracked is not None else None)
            if node is not None and before is not None:
                self._payloads[path] = replace(before, content=self._measure(path, node, before.content))

    def conclude(self, placed: tuple[str, ...]) -> United:
        """Tie the merge commit to its payloads; where some paths are kept, that waits for a person."""
        ws, sides, tracking = self._ws, self._sides, self._tracking
        if self._kept:
            kept = tuple((path, node_name(ws, tracking, path)) for path in sorted(set(self._kept)))
            pending = Pending(str(sides.commit), str(sides.ours.id), str(sides.theirs.id), True, kept)
            write_pending(ws, pending)
            return United("", placed, pending.paths, pending.hint)
        if sides.nearest is not None and by_path(sides.nearest.snapshot.payloads) == self._payloads:
            save(ws, replace(tracking, snapshot=str(sides.nearest.id)))
            end_merge(ws)
            return United(str(sides.nearest.id), placed)
        made = attach_snapshot(ws, tracking, Asked(), (), self._progress)
        return United(str(made.id), placed, warnings=made.warnings)


def _role(base: Payload | None, ours: Payload | None, theirs: Payload | None) -> Role:
    """The role that one side gave; ours where both did."""
    mine, other = (side.role if side is not None else None for side in (ours, theirs))
    before = base.role if base is not None else None
    return (other if other is not None and mine in (None, before) else mine) or Role.DATA


def _steps(path: bytes, top: str) -> tuple[bytes, ...]:
    inner = path[len(os.fsencode(top)) + 1 :]
    return tuple(inner.split(b"/")) if inner else ()


def _is_within(path: bytes, folder: bytes) -> bool:
    return path.startswith(folder + b"/")


def _without(found: Differences, paths: set[bytes]) -> Differences:
    def rest(each: tuple[bytes, ...]) -> tuple[bytes, ...]:
        return tuple(path for path in each if path not in paths)

    return Differences(rest(found.changed), rest(found.missing), rest(found.added), rest(found.folders))
