"""Files of payloads as they were added last, put back into the working tree, as git does from its index."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from git_datmo.errors import DatmoError, Incomplete
from git_datmo.flows.changes import find_differences
from git_datmo.flows.collisions import refuse_collisions
from git_datmo.flows.link_remarks import tell_placed_links
from git_datmo.flows.merging.contents import Steps
from git_datmo.flows.merging.parts import narrow
from git_datmo.flows.merging.placing import NOTHING, begin, change_files, ways_out
from git_datmo.flows.merging.unresolved import read_pending
from git_datmo.flows.sharing.require import require
from git_datmo.flows.tracked import changing
from git_datmo.flows.underway import Underway, end_underway, read_underway
from git_datmo.flows.workspace import Workspace
from git_datmo.git.paths import in_portions
from git_datmo.progress import QUIET, Progress
from git_datmo.store.cacheedit import CacheEdit
from git_datmo.store.checkout import Checkout, Placement
from git_datmo.store.layout import Node, find_path, root_node
from git_datmo.store.statcache import Differences
from git_datmo.store.tracking import Tracked, Tracking
from git_datmo.terminal_text import quote_word

# Moves of HEAD that are looked at, the last ones.
MOVES = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """A path to restore: a placed payload, or what lies in one."""

    tracked: Tracked
    path: str

    @property
    def steps(self) -> Steps:
        inner = os.fsencode(self.path[len(self.tracked.payload.path) + 1 :])
        return tuple(inner.split(b"/")) if inner else ()


def may_restore(ws: Workspace) -> bool:
    """Tell whether the state that was added last can be trusted: no checkout or merge of payloads waits to be done."""
    underway = read_underway(ws)
    return read_pending(ws) is None and (underway is None or underway.restores)


def select(tracking: Tracking, paths: Sequence[str]) -> tuple[list[Wanted], list[str]]:
    """Split `paths` into what can be restored, and the others: payloads that are not placed, and unknown paths."""
    wanted: list[Wanted] = []
    others: list[str] = []
    for path in paths:
        holder = tracking.holding(path)
        if holder is not None:
            found = [Wanted(holder, path)]
        else:
            found = [Wanted(tracked, tracked.payload.path) for tracked in tracking.within(path)]
        wanted += [each for each in found if each.tracked.placed]
        others += [each.path for each in found if not each.tracked.placed] if found else [path]
    return wanted, others


def restore(
    ws: Workspace, tracking: Tracking, wanted: Sequence[Wanted], *, force: bool = False, progress: Progress = QUIET
) -> tuple[str, ...]:
    """Put what is missing at the paths `wanted` back as it was added last; the caller holds the lock.

    Modified files are a `Conflict`, unless `force` gives them up; unknown ones stay. Returns the paths that changed.
    """
    edit = ws.cache.edit()
    checkout = Checkout(ws.store, ws.root, edit, progress)
    nodes = [_find(ws, each, progress) for each in wanted]
    size = sum(each.tracked.payload.content.size for each in wanted if not each.steps)
    require(ws, ((each.path, node) for each, node in zip(wanted, nodes, strict=True)), size=size, progress=progress)
    refuse_collisions(ws, ((each.path, node) for each, node in zip(wanted, nodes, strict=True)))
    differences = find_differences(ws, _with_files(ws, tracking), taken=True)
    plans = {
        each.path: _plan(checkout, each, node, differences.get(each.tracked.payload.path), edit, force=force)
        for each, node in zip(wanted, nodes, strict=True)
    }
    progress.begin("Checking out", size)
    _carry_out(ws, wanted, checkout, plans)
    progress.finish()
    tell_placed_links(ws.root, checkout.links, {each.tracked.payload.path for each in wanted}, progress)
    ws.cache.update(edit)
    end_underway(ws)
    return tuple(path for path, plan in plans.items() if plan.changes_files)


def _find(ws: Workspace, wanted: Wanted, progress: Progress) -> Node:
    if not wanted.steps:
        return root_node(wanted.tracked.payload.content)
    from git_datmo.flows.sharing.obtain import obtain_way

    node = obtain_way(ws, wanted.tracked.payload.content, wanted.steps, progress=progress)
    if node is None:
        raise DatmoError(
            f"'{wanted.path}' is not in the payload '{wanted.tracked.payload.path}' as it was added last",
            f"take it from a commit or snapshot: git datmo checkout REV -- {quote_word(wanted.path)}",
        )
    return node


def _with_files(ws: Workspace, tracking: Tracking) -> Tracking:
    """Leave out the payloads of which nothing exists, so that no file of them is looked for."""
    return tracking.without(t.payload.path for t in tracking.payloads if not os.path.lexists(ws.root / t.payload.path))


def _plan(
    checkout: Checkout, wanted: Wanted, node: Node, found: Differences | None, edit: CacheEdit, *, force: bool
) -> Placement:
    if found is None:
        edit.renew(os.fsencode(wanted.tracked.payload.path))
        return checkout.plan(wanted.path, None, node, NOTHING, force=force)
    return checkout.plan(wanted.path, node, node, narrow(found, os.fsencode(wanted.path)), force=force)


def _carry_out(ws: Workspace, wanted: Sequence[Wanted], checkout: Checkout, plans: dict[str, Placement]) -> None:
    """Change the files; a process that dies on the way leaves a mark, since a part of them is no change to keep."""
    touched = frozenset(each.tracked.payload.path for each in wanted if plans[each.path])
    begin(ws, Underway("", touched, restores=True))
    with ways_out(ws):
        for plan in plans.values():
            change_files(ws, checkout, plan)


def restore_removed_by_git(ws: Workspace, old: str, new: str, *, progress: Progress = QUIET) -> tuple[str, ...]:
    """Put back files of payloads that git removed when it went from one commit to the other, as it tracks them no more.

    They are git's doing, and no change of the payload. Returns their paths.
    """
    with changing(ws) as tracking:
        return _restore_removed(ws, tracking, [(old, new)], progress)


def restore_removed_meanwhile(ws: Workspace, tracking: Tracking, *, progress: Progress = QUIET) -> tuple[str, ...]:
    """Do the same for all moves of HEAD since the state was written, which a client without hooks can have made."""
    written = int(os.stat(ws.tracking_path).st_mtime)
    words = ("-n", str(MOVES + 1), "--date=unix", "--format=%H %gd", "HEAD", "--")
    told = [line.split() for line in ws.repo.git.text("reflog", "show", *words).splitlines()]
    moves = [
        (before[0], after[0])
        for after, before in pairwise(told)
        if int(after[1].partition("{")[2].rstrip("}")) > written
    ]
    return _restore_removed(ws, tracking, moves, progress)


def _restore_removed(
    ws: Workspace, tracking: Tracking, moves: Iterable[tuple[str, str]], progress: Progress
) -> tuple[str, ...]:
    tops = [tracked.payload.path for tracked in tracking.payloads if tracked.placed]
    if not tops or not may_restore(ws):
        return ()
    words = ("-r", "-z", "--no-renames", "--name-only", "--diff-filter=D")
    removed: dict[str, None] = {}
    for move in moves:
        for portion in in_portions(tops):
            paths = ws.repo.git.finish("diff-tree", *words, *move, "--", *portion).stdout.split(b"\0")[:-1]
            removed.update(dict.fromkeys(map(os.fsdecode, paths)))
    gone = [path for path in removed if not os.path.lexists(ws.root / path)]
    wanted = [each for each in select(tracking, gone)[0] if _was_added(ws, each)]
    return restore(ws, tracking, wanted, progress=progress) if wanted else ()


def _was_added(ws: Workspace, wanted: Wanted) -> bool:
    root = root_node(wanted.tracked.payload.content)
    try:
        return find_path(root, wanted.steps, ws.store.read_tree) is not None
    except Incomplete:
        return False
