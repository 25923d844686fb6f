"""Bring the working tree to a snapshot: fetch missing payloads, and place those that differ."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path

from git_datmo.errors import DatmoError, Incomplete
from git_datmo.history.record_heads import read_all
from git_datmo.history.record_signatures import require_signed
from git_datmo.model import Payload
from git_datmo.objects.tree_nodes import Node, root_node
from git_datmo.payloads.checkout_in_progress import end_merge, read_underway, refuse_during_checkout
from git_datmo.payloads.checkout_target import Target, find_target
from git_datmo.payloads.git_tracked import owned_by_git
from git_datmo.payloads.link_remarks import tell_placed_links
from git_datmo.payloads.merging.merge_state import decide, read_halfway, read_pending
from git_datmo.payloads.merging.path_in_payload import place_parts, split
from git_datmo.payloads.merging.placement import (
    NOTHING,
    as_placed,
    carry_out,
    finish,
    given_up,
    refuse_tracked_by_git,
    ways_out,
    what_is_at,
)
from git_datmo.payloads.name_collisions import refuse_collisions
from git_datmo.payloads.payload_changes import find_differences, really_differs
from git_datmo.payloads.record_claims import claims_of, refuse_false_claims
from git_datmo.payloads.restore_paths import may_restore, restore, select
from git_datmo.payloads.tracked_payloads import changing
from git_datmo.progress import QUIET, Progress
from git_datmo.remotes.required_objects import require
from git_datmo.repository.workspace import Workspace
from git_datmo.terminal_text import quote_word
from git_datmo.worktree.checkout_plan import CheckoutConflict, Placement
from git_datmo.worktree.stat_cache_edit import CacheEdit
from git_datmo.worktree.tracking import Tracked, Tracking
from git_datmo.worktree.worktree_checkout import Checkout


@dataclass(frozen=True, slots=True)
class Switched:
    """The result of a checkout: its snapshots, and the paths placed, removed and left as
    modified."""

    snapshots: tuple[str, ...]
    placed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def switch(
    ws: Workspace,
    name: str = "",
    *,
    only: Sequence[str] = (),
    force: bool = False,
    progress: Progress = QUIET,
) -> Switched:
    """Place the payloads of a commit or snapshot, or only the paths `only` of them.

    Without a `name`, the paths come from the state that was added last, as git takes them from its
    index. Unless `force` is set, raises `DatmoError` before writing anything if a file would be
    lost.
    """
    with changing(ws) as tracking:
        restored: tuple[str, ...] = ()
        if only and not name and may_restore(ws):
            wanted, only = select(tracking, only)
            restored = restore(ws, tracking, wanted, force=force, progress=progress)
            if not only:
                return Switched(tracking.snapshots, restored)
        # Read under the lock. An outdated snapshot would remove payloads of the working tree's
        # current one.
        target = find_target(ws, name, standing=preferred_side(ws, tracking), progress=progress)
        # Signatures are checked before the first file changes.
        require_signed(ws, read_all(ws), target.snapshots)
        halfway = read_halfway(ws, target.mark, force=force and not only)
        if not only:
            stay = staying(ws, tracking, halfway) if halfway and not force else set()
            done = apply_snapshot(ws, tracking, target, stay, force=force, progress=progress)
            if not stay:
                end_merge(ws)
            if target.kept:
                raise undecided_error(target)
            return done
        whole, parts = split(target.payloads, only)
        # The end of this checkout removes the mark, so it must finish all payloads of an
        # interrupted checkout.
        if halfway - {payload.path for payload in whole}:
            refuse_during_checkout(ws)
        refuse_tracked_by_git(ws.repo.git, [*whole, *(part.payload for part in parts)])
        if not force:
            _refuse_unsnapshotted(ws.root, tracking, whole)
        edit = ws.cache.edit()
        changed = place_parts(ws, tracking, parts, edit, force=force, progress=progress)
        placed = _place(ws, tracking, target, whole, (), edit, force=force, progress=progress)
        finish(ws, tracking, tracking.having([*changed, *as_placed(ws, tracking, whole)]), edit)
        # The paths of a merge count as decided only once their files are in place.
        decide(ws, only)
        return Switched(target.snapshots, (*restored, *placed, *(part.path for part in parts)))


def preferred_side(ws: Workspace, tracking: Tracking) -> tuple[str, ...]:
    """Return the snapshots whose version stays if several disagree: those of this working tree."""
    pending = read_pending(ws)
    return (pending.ours,) if pending is not None and pending.ours else tracking.snapshots


def undecided_error(target: Target) -> Incomplete:
    """Return the error that names the paths on which snapshots disagree."""
    shown = ", ".join(f"'{path}'" for path in target.kept[:3]) + (
        ", …" if len(target.kept) > 3 else ""
    )
    snapshots = " and ".join(snapshot[:10] for snapshot in target.snapshots)
    return Incomplete(
        f"snapshots {snapshots} have different versions of {shown}",
        f"choose one with 'git datmo checkout {target.snapshots[-1][:10]} -- PATH', then run 'git"
        " datmo snapshot'",
    )


def _refuse_unsnapshotted(root: Path, tracking: Tracking, coming: Iterable[Payload]) -> None:
    base = tracking.base_contents
    for payload in coming:
        tracked = tracking.get(payload.path)
        if tracked is None or not tracked.placed:
            continue
        if tracked.payload.content not in (payload.content, base.get(payload.path)):
            keep = "keep it with 'git datmo snapshot'"
            if not os.path.lexists(root / payload.path):
                keep = f"bring it back with 'git datmo checkout -- {quote_word(payload.path)}'"
            raise DatmoError(
                f"'{payload.path}' was added in a version that no snapshot has",
                f"{keep}, or give it up with 'git datmo checkout --force'",
            )


def apply_snapshot(
    ws: Workspace,
    tracking: Tracking,
    target: Target,
    stay: AbstractSet[str],
    *,
    asleep: AbstractSet[str] = frozenset(),
    force: bool,
    progress: Progress,
) -> Switched:
    """Bring the working tree to a target, except for the payloads `stay`.

    Payloads `asleep` are tracked and not placed. A payload that the working tree had and the target
    does not have is removed.
    """
    wanted = {payload.path: payload for payload in target.payloads}
    coming = [payload for payload in wanted.values() if payload.path not in stay | asleep]
    refuse_tracked_by_git(ws.repo.git, coming)
    if not force:
        _refuse_unsnapshotted(ws.root, tracking, coming)
    base = tracking.base_contents
    others = [
        t
        for t in tracking.payloads
        if t.payload.path in stay | asleep or t.payload.path not in wanted
    ]
    # A payload that was added and is in no snapshot stays: nothing could bring it back.
    going = [
        t
        for t in others
        if t.payload.path not in stay and base.get(t.payload.path) == t.payload.content
    ]
    edit = ws.cache.edit()
    placed = _place(ws, tracking, target, coming, going, edit, force=force, progress=progress)
    staying = [t for t in others if t not in going]
    # A payload that is not placed has no files to lose, so it takes the target's version.
    kept = (
        t if t.placed else replace(t, payload=wanted.get(t.payload.path, t.payload))
        for t in staying
    )
    resting = [
        Tracked(wanted[path], placed=False) for path in sorted(asleep & wanted.keys() - stay)
    ]
    after = Tracking(awake=tracking.is_awake).having(
        [*resting, *kept, *as_placed(ws, tracking, coming)]
    )
    finish(ws, tracking, after.standing_on(target.snapshots, target.payloads), edit)
    left = [
        t.payload.path
        for t in staying
        if t.placed and wanted.get(t.payload.path, t.payload).content != t.payload.content
    ]
    return Switched(
        target.snapshots, placed, tuple(t.payload.path for t in going if t.placed), tuple(left)
    )


def _place(
    ws: Workspace,
    tracking: Tracking,
    target: Target,
    coming: Sequence[Payload],
    going: Sequence[Tracked],
    edit: CacheEdit,
    *,
    force: bool,
    progress: Progress,
) -> tuple[str, ...]:
    """Write some payloads and remove others; return the paths that changed."""
    size = sum(payload.content.size for payload in coming)
    # All objects are present before a file changes. A lost connection leaves the working tree as it
    # was.
    with ways_out(ws.state):
        require(
            ws,
            ((payload.path, root_node(payload.content)) for payload in coming),
            size=size,
            progress=progress,
        )
    refuse_false_claims(ws, claims_of(coming, tracking), target.snapshots)
    refuse_collisions(ws, ((payload.path, root_node(payload.content)) for payload in coming))
    # Files in git's own index stay where they are, even if the payload around them goes.
    owned = owned_by_git(ws.repo.git, [tracked.payload.path for tracked in going])
    checkout = Checkout(ws.store, ws.root, edit, progress, owned, size)
    tracking = _without_lost(ws.root, tracking, edit)
    arrived = given_up(ws, target.mark)
    # All conflicts are found before the first file changes.
    try:
        plans = _plan(ws, tracking, checkout, coming, going, arrived, force=force)
    except CheckoutConflict as conflict:
        if read_underway(ws.state) is not None:
            hint = (
                "move them away and run this again, or give them up with 'git datmo checkout"
                " --force'"
            )
            raise DatmoError(conflict.what, hint) from None
        raise
    progress.begin("Checking out", size)
    carry_out(ws, target.mark, checkout, plans)
    progress.finish()
    tell_placed_links(ws.root, checkout.links, plans, progress)
    return tuple(payload.path for payload in coming if plans[payload.path].changes_files)


def _without_lost(root: Path, tracking: Tracking, edit: CacheEdit) -> Tracking:
    """Treat payloads whose files are all gone as not placed, to skip checks of single files."""
    lost = [t for t in tracking.payloads if t.placed and not os.path.lexists(root / t.payload.path)]
    for tracked in lost:
        edit.renew(os.fsencode(tracked.payload.path))
    return tracking.having(replace(t, placed=False) for t in lost)


def _plan(
    ws: Workspace,
    tracking: Tracking,
    checkout: Checkout,
    coming: Sequence[Payload],
    going: Sequence[Tracked],
    arrived: Mapping[str, Node],
    *,
    force: bool,
) -> dict[str, Placement]:
    differences = find_differences(ws, tracking, taken=True)
    plans: dict[str, Placement] = {}
    for payload in coming:
        tracked = tracking.get(payload.path)
        old = root_node(tracked.payload.content) if tracked is not None and tracked.placed else None
        around = (
            differences.get(payload.path, NOTHING)
            if old is not None
            else what_is_at(ws, payload.path)
        )
        new, left = root_node(payload.content), arrived.get(payload.path)
        plans[payload.path] = checkout.plan(
            payload.path, old, new, around, force=force, arrived=left
        )
    for tracked in going:
        path, content = tracked.payload.path, tracked.payload.content
        if path in differences:
            old, left = root_node(content), arrived.get(path)
            plans[path] = checkout.plan(
                path, old, None, differences[path], force=force, arrived=left
            )
    # The abandoned checkout had begun to place these, and the target does not have them.
    for path in arrived.keys() - plans.keys():
        plans[path] = checkout.plan(
            path, None, None, what_is_at(ws, path), force=force, arrived=arrived[path]
        )
    return plans


def staying(ws: Workspace, tracking: Tracking, halfway: AbstractSet[str]) -> set[str]:
    """Return the payloads with content that no snapshot has: modified, or only added.

    Payloads of an interrupted checkout only look modified.
    """
    base, differences = tracking.base_contents, find_differences(ws, tracking)
    return {
        t.payload.path
        for t in tracking.payloads
        if t.placed
        and t.payload.path not in halfway
        and (
            base.get(t.payload.path) != t.payload.content
            or (differences[t.payload.path] and really_differs(ws, t, differences[t.payload.path]))
        )
    }
