"""Merge payloads into a working tree, file by file."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from git_datmo.history.record_heads import read_all
from git_datmo.history.record_signatures import require_signed
from git_datmo.model import Oid, Payload
from git_datmo.objects.stored_folders import find_path
from git_datmo.objects.tree_differences import compare
from git_datmo.objects.tree_nodes import root_node
from git_datmo.payloads.checkout_in_progress import end_merge, read_underway
from git_datmo.payloads.link_remarks import tell_placed_links
from git_datmo.payloads.merging.derived_payloads import rewrite
from git_datmo.payloads.merging.merge_state import (
    MergeState,
    node_name,
    read_pending,
    write_pending,
)
from git_datmo.payloads.merging.payload_merge import PayloadMerger, Payloads, refuse_unfetched
from git_datmo.payloads.merging.placement import (
    as_placed,
    carry_out,
    finish,
    refuse_tracked_by_git,
    what_is_at,
)
from git_datmo.payloads.payload_changes import find_differences
from git_datmo.payloads.record_claims import claims_of, refuse_false_claims
from git_datmo.payloads.store_payloads import store_payloads
from git_datmo.progress import Progress
from git_datmo.remotes.required_objects import require
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.checkout_plan import CheckoutConflict, Placement
from git_datmo.worktree.stat_cache import Differences
from git_datmo.worktree.stat_cache_edit import CacheEdit
from git_datmo.worktree.tracking import Tracked, Tracking
from git_datmo.worktree.worktree_checkout import Checkout


@dataclass(frozen=True, slots=True)
class Sides:
    """The sides of a merge, and the state of the working tree afterwards.

    `base` is the common version, `theirs` the incoming one. Afterwards the working tree stands on
    `standing`, whose payloads are `stored`. A person can take files from `ours_id` and `theirs_id`.
    `kept` are paths that `stored` itself leaves undecided.
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
    """A merge of payloads. The caller holds the working tree's lock."""

    def __init__(self, ws: Workspace, sides: Sides, tracking: Tracking, progress: Progress) -> None:
        self._ws, self._sides, self._progress = ws, sides, progress
        # Signatures of all incoming snapshots are checked before the merge stores or changes
        # anything.
        new = {*sides.standing, *filter(None, [sides.theirs_id])}.difference(tracking.snapshots)
        require_signed(ws, read_all(ws), sorted(new))
        self.tracking = self._with_local_changes(tracking)
        self._placed = {
            tracked.payload.path: tracked for tracked in self.tracking.payloads if tracked.placed
        }
        self._asleep = {
            tracked.payload.path for tracked in self.tracking.payloads if not tracked.placed
        }
        self._merger = PayloadMerger(ws, fetched=self._placed, progress=progress)
        self._payloads: Payloads = {}
        self._kept: list[str] = []

    def _with_local_changes(self, tracking: Tracking) -> Tracking:
        """Store local changes in payloads that the other side changes too; they take part as ours.

        A payload whose path is gone counts as not fetched. After an interrupted merge, changes were
        stored before it began.
        """
        underway = read_underway(self._ws.state)
        halfway = underway.payloads if underway is not None else frozenset[str]()
        gone = [
            t
            for t in tracking.payloads
            if t.placed and not os.path.lexists(self._ws.root / t.payload.path)
        ]
        # Their files are lost, and the merge must not take this for a deletion of each file.
        tracking = tracking.having(replace(tracked, placed=False) for tracked in gone)
        base, theirs = self._sides.base, self._sides.theirs
        touched = {
            t.payload.path: t.payload.role
            for t in tracking.payloads
            if t.placed
            and t.payload.path not in halfway
            and base.get(t.payload.path) != theirs.get(t.payload.path)
        }
        return (
            store_payloads(self._ws, tracking, touched, progress=self._progress)[0]
            if touched
            else tracking
        )

    def unite_payloads(self) -> None:
        """Compute the united payloads by content alone; missing objects are fetched."""
        ours = {tracked.payload.path: tracked.payload for tracked in self.tracking.payloads}
        merged = self._merger.merge(self._sides.base, ours, self._sides.theirs)
        refuse_unfetched(
            merged, self._asleep, "fetch it with 'git datmo checkout', then run this again"
        )
        self._payloads = merged.payloads
        # Paths that an earlier merge or rebase step left undecided are still undecided.
        pending = read_pending(self._ws)
        earlier = pending.paths if pending is not None and pending.placed else ()
        self._kept = [
            *earlier,
            *merged.kept,
            *(path for path in self._sides.kept if self._is_ours(path)),
        ]

    @property
    def payloads(self) -> tuple[Payload, ...]:
        """Return what the payloads become."""
        return tuple(self._payloads.values())

    @property
    def undecided(self) -> tuple[str, ...]:
        """Return the paths that a person has to decide about."""
        return tuple(self._kept)

    def _is_ours(self, path: str) -> bool:
        """Return True if a path on which the other sides disagree has reached the working tree."""
        return any((path + "/").startswith(payload + "/") for payload in self._payloads)

    def place(self) -> tuple[str, ...]:
        """Place the united payloads; return the paths written.

        An unsaved file in the way stays. Raises `DatmoError` before anything changed.
        """
        ws, sides = self._ws, self._sides
        awake = self.tracking.is_awake
        coming = [p for p in self._payloads.values() if p.path not in self._asleep] if awake else []
        refuse_tracked_by_git(ws.repo.git, coming)
        # Every object is present before a file changes, so a lost connection changes nothing.
        require(
            ws,
            ((payload.path, root_node(payload.content)) for payload in coming),
            progress=self._progress,
        )
        edit = ws.cache.edit()
        refuse_false_claims(ws, claims_of(coming, self.tracking), filter(None, [sides.theirs_id]))
        size = sum(payload.content.size for payload in coming)
        checkout = Checkout(ws.store, ws.root, edit, self._progress, most=size)
        differences = find_differences(ws, self.tracking)
        placements: dict[str, Placement] = {}
        for path in sorted({payload.path for payload in coming} | self._placed.keys()):
            tracked = self._placed.get(path)
            # The merge left this payload as it is.
            if tracked is not None and self._payloads.get(path) == tracked.payload:
                continue
            around = differences[path] if tracked is not None else what_is_at(ws, path)
            placements[path] = self._settle(checkout, path, tracked, around)
        # The state is written before the first file changes. If the merge dies, the next command
        # knows that it must finish it.
        write_pending(
            ws.state, MergeState(str(sides.commit), sides.ours_id, sides.theirs_id, placed=False)
        )
        self._progress.begin("Checking out", sum(payload.content.size for payload in coming))
        carry_out(ws, "", checkout, placements)
        self._progress.finish()
        tell_placed_links(ws.root, checkout.links, placements, self._progress)
        self._finish(placements, edit)
        return tuple(path for path, plan in placements.items() if plan.changes_files)

    def _finish(self, placements: dict[str, Placement], edit: CacheEdit) -> None:
        there = as_placed(
            self._ws, self.tracking, (self._payloads[p] for p in placements if p in self._payloads)
        )
        same = [t for p, t in self._placed.items() if p not in placements]
        known = {t.payload.path for t in (*there, *same)}
        # A payload that is tracked and not placed keeps the united version for a later fetch.
        asleep = [Tracked(p, placed=False) for p in self._payloads.values() if p.path not in known]
        after = replace(self.tracking, payloads=()).having([*asleep, *there, *same])
        after = after.standing_on(self._sides.standing, self._sides.stored.values())
        finish(self._ws, self.tracking, after, edit)
        self.tracking = after

    def _settle(
        self, checkout: Checkout, path: str, tracked: Tracked | None, around: Differences
    ) -> Placement:
        """Return the steps to a united payload that overwrite no unsaved file.

        The changes of the other steps are taken out of the united payload.
        """
        old = root_node(tracked.payload.content) if tracked is not None else None
        # Each round takes at least one file out of the way, so the loop ends.
        while True:
            payload = self._payloads.get(path)
            new = root_node(payload.content) if payload is not None else None
            # A merge does not restore a file that was deleted locally.
            gone = tuple(
                each
                for each in around.missing
                if find_path(new, _steps(each, path), self._ws.store.read_tree) is None
            )
            around = replace(around, missing=gone)
            try:
                return checkout.plan(path, old, new, around)
            except CheckoutConflict as conflict:
                held = set(conflict.paths)
            top = os.fsencode(path)
            touched = {
                b"/".join((top, *each.path)): each
                for each in compare(old, new, self._ws.store.read_tree)
            }
            near = _steps_in_conflict(touched, held)
            # What was in the way stays as it is, so the next attempt does not look at it.
            around = _without(around, held)
            if not near:
                continue
            self._kept += sorted(os.fsdecode(name) for name in near)
            # The working tree keeps its version of these paths, so the united payload gets the old
            # nodes back.
            node = rewrite(self._ws, new, {touched[name].path: touched[name].old for name in near})
            before = self._payloads.pop(path, None)
            if before is None and tracked is not None:
                before = tracked.payload
            if node is not None and before is not None:
                content = self._merger.measure(path, node, before.content)
                self._payloads[path] = replace(before, content=content)

    def conclude(self) -> MergeState | None:
        """End the merge; return the part that waits for a person, if any."""
        if not self._kept:
            end_merge(self._ws)
            return None
        sides = self._sides
        # The present content is saved too, which shows later whether a person changed the file.
        kept = tuple(
            (path, node_name(self._ws, self.tracking, path)) for path in sorted(set(self._kept))
        )
        pending = MergeState(
            str(sides.commit), sides.ours_id, sides.theirs_id, placed=True, kept=kept
        )
        write_pending(self._ws.state, pending)
        return pending


def _steps(path: bytes, top: str) -> tuple[bytes, ...]:
    inner = path[len(os.fsencode(top)) + 1 :]
    return tuple(inner.split(b"/")) if inner else ()


def _steps_in_conflict(steps: Iterable[bytes], held: Collection[bytes]) -> set[bytes]:
    """Return the paths of `steps` that are in `held`; if none is, those above or below one."""
    exact = {path for path in steps if path in held}
    if exact:
        return exact
    return {
        path for path in steps for each in held if _is_within(path, each) or _is_within(each, path)
    }


def _is_within(path: bytes, folder: bytes) -> bool:
    return path.startswith(folder + b"/")


def _without(found: Differences, paths: set[bytes]) -> Differences:
    def rest(each: tuple[bytes, ...]) -> tuple[bytes, ...]:
        return tuple(path for path in each if path not in paths)

    return Differences(
        rest(found.changed), rest(found.missing), rest(found.added), rest(found.folders)
    )
