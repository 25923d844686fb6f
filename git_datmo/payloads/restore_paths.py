"""Restore files of payloads to the state that was added last, as git does from its index."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from git_datmo.errors import DatmoError, Incomplete
from git_datmo.git.safe_paths import in_portions
from git_datmo.objects.stored_folders import find_path
from git_datmo.objects.tree_nodes import Node, root_node
from git_datmo.payloads.checkout_in_progress import CheckoutInProgress, end_underway, read_underway
from git_datmo.payloads.link_remarks import tell_placed_links
from git_datmo.payloads.merging.derived_payloads import Steps
from git_datmo.payloads.merging.merge_state import read_pending
from git_datmo.payloads.merging.path_in_payload import narrow
from git_datmo.payloads.merging.placement import NOTHING, begin, change_files, ways_out
from git_datmo.payloads.name_collisions import refuse_collisions
from git_datmo.payloads.payload_changes import find_differences
from git_datmo.payloads.tracked_payloads import changing
from git_datmo.progress import QUIET, Progress
from git_datmo.remotes.required_objects import require
from git_datmo.repository.workspace import Workspace
from git_datmo.terminal_text import quote_word
from git_datmo.worktree.checkout_plan import Placement
from git_datmo.worktree.stat_cache import Differences
from git_datmo.worktree.stat_cache_edit import CacheEdit
from git_datmo.worktree.tracking import Tracked, Tracking
from git_datmo.worktree.worktree_checkout import Checkout

# The number of HEAD's last moves that are examined.
MOVES = 20


@dataclass(frozen=True, slots=True)
class WantedPath:
    """A path to restore: a placed payload, or a path in one."""

    tracked: Tracked
    path: str

    @property
    def steps(self) -> Steps:
        inner = os.fsencode(self.path[len(self.tracked.payload.path) + 1 :])
        return tuple(inner.split(b"/")) if inner else ()


def may_restore(ws: Workspace) -> bool:
    """Return True if the state added last can be trusted: no checkout or merge is unfinished."""
    underway = read_underway(ws.state)
    return read_pending(ws) is None and (underway is None or underway.restores)


def select(tracking: Tracking, paths: Sequence[str]) -> tuple[list[WantedPath], list[str]]:
    """Divide `paths` into those that can be restored and others: not placed, or unknown."""
    wanted: list[WantedPath] = []
    others: list[str] = []
    for path in paths:
        holder = tracking.holding(path)
        if holder is not None:
            found = [WantedPath(holder, path)]
        else:
            found = [WantedPath(tracked, tracked.payload.path) for tracked in tracking.within(path)]
        wanted += [each for each in found if each.tracked.placed]
        others += [each.path for each in found if not each.tracked.placed] if found else [path]
    return wanted, others


def restore(
    ws: Workspace,
    tracking: Tracking,
    wanted: Sequence[WantedPath],
    *,
    force: bool = False,
    progress: Progress = QUIET,
) -> tuple[str, ...]:
    """Restore missing files at the paths `wanted`. The caller holds the lock.

    Modified files raise a conflict unless `force` discards them; unknown files stay. Returns the
    paths that changed.
    """
    edit = ws.cache.edit()
    checkout = Checkout(ws.store, ws.root, edit, progress)
    nodes = [_find(ws, each, progress) for each in wanted]
    size = sum(each.tracked.payload.content.size for each in wanted if not each.steps)
    require(
        ws,
        ((each.path, node) for each, node in zip(wanted, nodes, strict=True)),
        size=size,
        progress=progress,
    )
    # All refusals come before the mark and before the first change of a file.
    refuse_collisions(ws, ((each.path, node) for each, node in zip(wanted, nodes, strict=True)))
    differences = find_differences(ws, _with_files(ws.root, tracking), taken=True)
    plans = {
        each.path: _plan(
            checkout, each, node, differences.get(each.tracked.payload.path), edit, force=force
        )
        for each, node in zip(wanted, nodes, strict=True)
    }
    progress.begin("Checking out", size)
    _carry_out(ws, wanted, checkout, plans)
    progress.finish()
    tell_placed_links(
        ws.root, checkout.links, {each.tracked.payload.path for each in wanted}, progress
    )
    # The stat cache is written before the mark goes, so a crash in between only repeats the
    # restore.
    ws.cache.update(edit)
    end_underway(ws.state)
    return tuple(path for path, plan in plans.items() if plan.changes_files)


def _find(ws: Workspace, wanted: WantedPath, progress: Progress) -> Node:
    if not wanted.steps:
        return root_node(wanted.tracked.payload.content)
    from git_datmo.remotes.fetch_objects import obtain_way

    node = obtain_way(ws, wanted.tracked.payload.content, wanted.steps, progress=progress)
    if node is None:
        raise DatmoError(
            f"'{wanted.path}' is not in the payload '{wanted.tracked.payload.path}' as it was"
            " added last",
            "take it from a commit or snapshot: git datmo checkout REV --"
            f" {quote_word(wanted.path)}",
        )
    return node


def _with_files(root: Path, tracking: Tracking) -> Tracking:
    """Leave out payloads of which no file exists, to skip checks of single files."""
    return tracking.without(
        t.payload.path for t in tracking.payloads if not os.path.lexists(root / t.payload.path)
    )


def _plan(
    checkout: Checkout,
    wanted: WantedPath,
    node: Node,
    found: Differences | None,
    edit: CacheEdit,
    *,
    force: bool,
) -> Placement:
    if found is None:
        # The files are gone, so what the stat cache knows of them does not count.
        edit.renew(os.fsencode(wanted.tracked.payload.path))
        return checkout.plan(wanted.path, None, node, NOTHING, force=force)
    return checkout.plan(
        wanted.path, node, node, narrow(found, os.fsencode(wanted.path)), force=force
    )


def _carry_out(
    ws: Workspace, wanted: Sequence[WantedPath], checkout: Checkout, plans: dict[str, Placement]
) -> None:
    """Change the files under a mark, so that an interrupted restore is not taken for a user's
    change."""
    touched = frozenset(each.tracked.payload.path for each in wanted if plans[each.path])
    begin(ws, CheckoutInProgress("", touched, restores=True))
    with ways_out(ws.state):
        for plan in plans.values():
            change_files(ws.root, checkout, plan)


def restore_removed_by_git(
    ws: Workspace, old: str, new: str, *, progress: Progress = QUIET
) -> tuple[str, ...]:
    """Restore files of payloads that git removed between two commits because it no longer tracks
    them.

    Returns their paths.
    """
    with changing(ws) as tracking:
        return _restore_removed(ws, tracking, [(old, new)], progress)


def restore_removed_meanwhile(
    ws: Workspace, tracking: Tracking, *, progress: Progress = QUIET
) -> tuple[str, ...]:
    """Do the same for all moves of HEAD since the state was written, by clients without hooks."""
    written = int(os.stat(ws.tracking_path).st_mtime)
    words = ("-n", str(MOVES + 1), "--date=unix", "--format=%H %gd", "HEAD", "--")
    # The reflog lists the newest move first, each with the commit after it.
    entries = [line.split() for line in ws.repo.git.text("reflog", "show", *words).splitlines()]
    moves = [
        (before[0], after[0])
        for after, before in pairwise(entries)
        # Only moves after the state was written: earlier ones were handled by the command that
        # wrote it.
        if int(after[1].partition("{")[2].rstrip("}")) > written
    ]
    return _restore_removed(ws, tracking, moves, progress)


def _restore_removed(
    ws: Workspace, tracking: Tracking, moves: Iterable[tuple[str, str]], progress: Progress
) -> tuple[str, ...]:
    tops = [tracked.payload.path for tracked in tracking.payloads if tracked.placed]
    if not tops or not may_restore(ws):
        return ()
    # Without rename detection, since git also removes a moved file from its old path.
    words = ("-r", "-z", "--no-renames", "--name-only", "--diff-filter=D")
    removed: dict[str, None] = {}
    for move in moves:
        for portion in in_portions(tops):
            paths = ws.repo.git.finish("diff-tree", *words, *move, "--", *portion).stdout.split(
                b"\0"
            )[:-1]
            removed.update(dict.fromkeys(map(os.fsdecode, paths)))
    # A file that exists was not removed, or the user wrote it anew.
    gone = [path for path in removed if not os.path.lexists(ws.root / path)]
    wanted = [each for each in select(tracking, gone)[0] if _was_added(ws, each)]
    return restore(ws, tracking, wanted, progress=progress) if wanted else ()


def _was_added(ws: Workspace, wanted: WantedPath) -> bool:
    root = root_node(wanted.tracked.payload.content)
    try:
        return find_path(root, wanted.steps, ws.store.read_tree) is not None
    except Incomplete:
        return False
