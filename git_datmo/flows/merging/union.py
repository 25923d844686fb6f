"""One merge of payloads into a working tree: what they become, placed file by file, and who has to decide what."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from git_datmo.flows.capture import store_payloads
from git_datmo.flows.changes import find_differences
from git_datmo.flows.link_remarks import tell_placed_links
from git_datmo.flows.merging.contents import rewrite
from git_datmo.flows.merging.payloads import PayloadMerger, Payloads, refuse_unfetched
from git_datmo.flows.merging.placing import (
    as_placed,
    carry_out,
    finish,
    refuse_tracked_by_git,
    what_is_at,
)
from git_datmo.flows.merging.unresolved import Pending, node_name, read_pending, write_pending
from git_datmo.flows.sharing.require import require
from git_datmo.flows.underway import end_merge, read_underway
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Oid, Payload
from git_datmo.progress import Progress
from git_datmo.store.cacheedit import CacheEdit
from git_datmo.store.checkout import Checkout, Conflict, Placement
from git_datmo.store.layout import compare, root_node
from git_datmo.store.statcache import Differences
from git_datmo.store.tracking import Tracked, Tracking


@dataclass(frozen=True, slots=True)
class Sides:
    """What a working tree is merged with, and what it stands on afterwards.

    `base` is what both sides began with, `theirs` what comes. `standing` are the snapshots that the working tree then
    stands on, and `stored` their payloads. `ours_id` and `theirs_id` are the snapshots that a person can take files
    from; `kept` are paths that `stored` itself leaves undecided.
    """

    commit: Oid
    base: Payloads
    theirs: Payloads
    standing: tuple[str, ...]
    stored: Payloads
    ours_id: str
    theirs_id: str
    kept: tuple[str, ...] = ()


class Union:
    """One merge of payloads; the caller holds the working tree's lock."""

    def __init__(self, ws: Workspace, sides: Sides, tracking: Tracking, progress: Progress) -> None:
        self._ws, self._sides, self._progress = ws, sides, progress
        self.tracking = self._with_local_changes(tracking)
        self._placed = {tracked.payload.path: tracked for tracked in self.tracking.payloads if tracked.placed}
        self._asleep = {tracked.payload.path for tracked in self.tracking.payloads if not tracked.placed}
        self._merger = PayloadMerger(ws, fetched=self._placed, progress=progress)
        self._payloads: Payloads = {}
        self._kept: list[str] = []

    def _with_local_changes(self, tracking: Tracking) -> Tracking:
        """Store what was changed in the files of payloads that the other side changes too: it takes part as ours.

        A payload whose path is gone is one that is not fetched. Of one in which a merge was cut off, the changes were
        stored before that merge began; its files are of both versions.
        """
        underway = read_underway(self._ws)
        halfway = underway.payloads if underway is not None else frozenset[str]()
        gone = [t for t in tracking.payloads if t.placed and not os.path.lexists(self._ws.root / t.payload.path)]
        tracking = tracking.having(replace(tracked, placed=False) for tracked in gone)
        base, theirs = self._sides.base, self._sides.theirs
        touched = {
            t.payload.path: t.payload.role
            for t in tracking.payloads
            if t.placed and t.payload.path not in halfway and base.get(t.payload.path) != theirs.get(t.payload.path)
        }
        return store_payloads(self._ws, tracking, touched, progress=self._progress)[0] if touched else tracking

    def unite_payloads(self) -> None:
        """Find out what the payloads become, by content alone; objects that are missing are fetched."""
        ours = {tracked.payload.path: tracked.payload for tracked in self.tracking.payloads}
        merged = self._merger.merge(self._sides.base, ours, self._sides.theirs)
        refuse_unfetched(merged, self._asleep, "fetch it with 'git datmo checkout', then run this again")
        self._payloads = merged.payloads
        # What an earlier merge, or an earlier step of a rebase, left undecided is so still.
        pending = read_pending(self._ws)
        earlier = pending.paths if pending is not None and pending.placed else ()
        self._kept = [*earlier, *merged.kept, *(path for path in self._sides.kept if self._is_ours(path))]

    @property
    def payloads(self) -> tuple[Payload, ...]:
        """Return what the payloads become."""
        return tuple(self._payloads.values())

    @property
    def undecided(self) -> tuple[str, ...]:
        """Return the paths that a person has to decide about."""
        return tuple(self._kept)

    def _is_ours(self, path: str) -> bool:
        """Return whether a path that the other sides disagree on has come to the working tree at all."""
        return any((path + "/").startswith(payload + "/") for payload in self._payloads)

    def place(self) -> tuple[str, ...]:
        """Put what was united into the working tree; returns the paths written.

        A file that stands in the way and is stored nowhere stays as it is. Raises `DatmoError` before anything changed.
        """
        ws, sides = self._ws, self._sides
        awake = self.tracking.is_awake
        coming = [p for p in self._payloads.values() if p.path not in self._asleep] if awake else []
        refuse_tracked_by_git(ws, coming)
        require(ws, ((payload.path, root_node(payload.content)) for payload in coming), progress=self._progress)
        edit = ws.cache.edit()
        checkout = Checkout(ws.store, ws.root, edit, self._progress)
        differences = find_differences(ws, self.tracking)
        placements: dict[str, Placement] = {}
        for path in sorted({payload.path for payload in coming} | self._placed.keys()):
            tracked = self._placed.get(path)
            if tracked is not None and self._payloads.get(path) == tracked.payload:
                continue
            around = differences[path] if tracked is not None else what_is_at(ws, path)
            placements[path] = self._settle(checkout, path, tracked, around)
        write_pending(ws, Pending(str(sides.commit), sides.ours_id, sides.theirs_id, placed=False))
        self._progress.begin("Checking out", sum(payload.content.size for payload in coming))
        carry_out(ws, "", checkout, placements)
        self._progress.finish()
        tell_placed_links(ws.root, checkout.links, placements, self._progress)
        self._finish(placements, edit)
        return tuple(path for path, plan in placements.items() if plan.changes_files)

    def _finish(self, placements: dict[str, Placement], edit: CacheEdit) -> None:
        there = as_placed(self._ws, self.tracking, (self._payloads[p] for p in placements if p in self._payloads))
        same = [t for p, t in self._placed.items() if p not in placements]
        known = {t.payload.path for t in (*there, *same)}
        asleep = [Tracked(p, placed=False) for p in self._payloads.values() if p.path not in known]
        after = replace(self.tracking, payloads=()).having([*asleep, *there, *same])
        after = after.standing_on(self._sides.standing, self._sides.stored.values())
        finish(self._ws, self.tracking, after, edit)
        self.tracking = after

    def _settle(self, checkout: Checkout, path: str, tracked: Tracked | None, around: Differences) -> Placement:
        """Return the steps that lead to the united payload, without those that would overwrite what is stored nowhere.

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
                content = self._merger.measure(path, node, before.content)
                self._payloads[path] = replace(before, content=content)

    def conclude(self) -> Pending | None:
        """End the merge; returns what waits for a person, if anything does."""
        if not self._kept:
            end_merge(self._ws)
            return None
        sides = self._sides
        kept = tuple((path, node_name(self._ws, self.tracking, path)) for path in sorted(set(self._kept)))
        pending = Pending(str(sides.commit), sides.ours_id, sides.theirs_id, placed=True, kept=kept)
        write_pending(self._ws, pending)
        return pending


def _steps(path: bytes, top: str) -> tuple[bytes, ...]:
    inner = path[len(os.fsencode(top)) + 1 :]
    return tuple(inner.split(b"/")) if inner else ()


def _is_within(path: bytes, folder: bytes) -> bool:
    return path.startswith(folder + b"/")


def _without(found: Differences, paths: set[bytes]) -> Differences:
    def rest(each: tuple[bytes, ...]) -> tuple[bytes, ...]:
        return tuple(path for path in each if path not in paths)

    return Differences(rest(found.changed), rest(found.missing), rest(found.added), rest(found.folders))
