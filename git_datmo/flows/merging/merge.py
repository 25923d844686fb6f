"""After git merged two branches, their payloads: what both sides changed is united in a snapshot of the merge.

A commit that was rebased or cherry-picked is merged likewise: what it changed in the payloads before, with those here.
The sides are what the merge's parents have by their nearest snapshots, the base is what their merge base has. What both
changed differently, or what the working tree holds changed, stays as it is here until a person decides.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from git_datmo.errors import DatmoError, Incomplete
from git_datmo.flows.capture import Asked, changing, find_differences, save
from git_datmo.flows.history import Found, History
from git_datmo.flows.merging.contents import differing, measure, rewrite
from git_datmo.flows.merging.placing import (
    as_placed,
    carry_out,
    finish,
    last_snapshot,
    refuse_tracked_by_git,
    what_is_at,
)
from git_datmo.flows.merging.unresolved import Pending, is_interrupted, node_name, read_pending, write_pending
from git_datmo.flows.rewritten import Commit
from git_datmo.flows.sharing.obtain import obtain_trees, require
from git_datmo.flows.snapshot import attach_snapshot
from git_datmo.flows.underway import end_merge, interrupted, read_underway
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Content, Oid, Payload, Role
from git_datmo.progress import QUIET, Progress
from git_datmo.store.checkout import Checkout, Conflict, Placement
from git_datmo.store.layout import Node, compare, root_node
from git_datmo.store.merge import Merger
from git_datmo.store.statcache import Differences
from git_datmo.store.tracking import Tracked, Tracking

Payloads = dict[str, Payload]
_T = TypeVar("_T")
# What git's reflog says of a commit that was made of another (git-rebase, git-cherry-pick).
_PICKED = re.compile(r"(rebase|pull)\b.* \((pick|reword|edit|continue)\)|cherry-pick\b|commit \(cherry-pick\)")


@dataclass(frozen=True, slots=True)
class United:
    """What a merge of payloads did: the paths that changed, and those that wait for a decision, with `hint` on how."""

    snapshot: str
    placed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    hint: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sides:
    """A merge or a picked commit whose payloads no snapshot has, and what they are made from."""

    commit: Oid
    base: Payloads
    ours: Found
    theirs: Found
    nearest: Found | None


def unite(ws: Workspace, *, progress: Progress = QUIET) -> United | None:
    """Unite the payloads that HEAD's parents have; None where HEAD is no merge, or has a snapshot, or one side is all.

    A merge that was cut off goes on; one that waits for a person still waits.
    """
    with changing(ws) as tracking:
        sides = find_sides(ws)
        pending = read_pending(ws)
        if sides is None:
            # A merge that died once its snapshot was there, or for which somebody else made one, is done.
            if is_interrupted(ws):
                end_merge(ws)
            return None
        underway = read_underway(ws)
        if underway is not None and not underway.is_merge:
            raise interrupted(underway)
        if pending is not None and pending.placed and pending.commit == str(sides.commit):
            return United("", (), pending.paths, pending.hint)
        merge = _Merge(ws, sides, tracking, progress)
        merge.unite_payloads()
        placed = merge.place()
        return merge.conclude(placed)


def find_sides(ws: Workspace) -> Sides | None:
    """What HEAD unites, when it is a merge of two without a snapshot and both sides changed payloads, or was picked."""
    is_merge = ws.repo.git.finish("rev-parse", "-q", "--verify", "HEAD^2^{commit}").returncode == 0
    if not is_merge and not _is_picked(ws) and not is_interrupted(ws):
        return None
    history = History(ws)
    head = history.commit("HEAD")
    if not is_merge:
        return _find_picked(ws, history, head)
    if len(head.parents) != 2 or not history.catalog.rows or history.has_own(head):
        return None
    ours, theirs = (history.nearest(Oid.parse(parent)) for parent in head.parents)
    if ours is None or theirs is None:
        return None
    bases = [history.nearest(Oid.parse(base)) for base in _merge_bases(ws, head.parents)]
    known = [_by_path(base.snapshot.payloads) if base is not None else {} for base in bases] or [{}]
    mine, other = _by_path(ours.snapshot.payloads), _by_path(theirs.snapshot.payloads)
    if other == mine or all(base == other for base in known):
        return None
    nearest = history.nearest(head.oid)
    if mine in known and nearest is not None and _by_path(nearest.snapshot.payloads) == other:
        return None
    if any(base != known[0] for base in known):
        raise DatmoError(
            "the payloads were not merged: the branches met more than once before, with different payloads",
            f"take files with 'git datmo checkout {str(theirs.id)[:10]} -- PATH', then run 'git datmo snapshot'",
        )
    return Sides(head.oid, known[0], ours, theirs, nearest)


def _is_picked(ws: Workspace) -> bool:
    """Whether git made HEAD of another commit just now, by rebase or cherry-pick, as its reflog says."""
    done = ws.repo.git.finish("reflog", "-1", "--format=%gs", "HEAD", "--")
    return _PICKED.match(done.stdout.decode("utf-8", "replace")) is not None


def _find_picked(ws: Workspace, history: History, head: Commit) -> Sides | None:
    """What a picked commit unites: the payloads here, and what the commit that it was made of changed in its own."""
    found = history.nearest(head.oid)
    if found is None or found.commit != head.oid or found.snapshot.commit == head.oid or len(head.parents) != 1:
        return None
    # When a rebase is over, git has copied the note; until then the patch says what was picked.
    if found.way != "patch" and not is_interrupted(ws):
        return None
    before = ws.repo.git.finish("rev-parse", "-q", "--verify", f"{found.snapshot.commit}^1^{{commit}}")
    ours = history.nearest(Oid.parse(head.parents[0]))
    if before.returncode or ours is None or ws.tracking().snapshot == str(found.id):
        return None
    base = history.nearest(Oid.parse(before.stdout.decode().strip()))
    known = _by_path(base.snapshot.payloads) if base is not None else {}
    if known == _by_path(found.snapshot.payloads):
        return None
    return Sides(head.oid, known, ours, found, found)


def _merge_bases(ws: Workspace, parents: Sequence[str]) -> list[str]:
    return ws.repo.git.finish("merge-base", "--all", *parents).stdout.decode().split()


def _by_path(payloads: Iterable[Payload]) -> Payloads:
    return {payload.path: payload for payload in payloads}


class _Merge:
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
        sides = self._sides.base, self._mine(), _by_path(self._sides.theirs.snapshot.payloads)
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
        here = _by_path(tracked.payload for tracked in self._tracking.payloads)
        if self._tracking.snapshot == str(self._sides.ours.id):
            return here
        stored = last_snapshot(self._ws, self._tracking)
        added = {path: payload for path, payload in here.items() if stored.get(path) != payload.content}
        return _by_path(self._sides.ours.snapshot.payloads) | added

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
        after = Tracking((), str(sides.ours.id)).having([*asleep, *as_placed(ws, there)])
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
        if sides.nearest is not None and _by_path(sides.nearest.snapshot.payloads) == self._payloads:
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
