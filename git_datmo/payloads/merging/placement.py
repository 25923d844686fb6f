"""Steps that checkout and merge share: examine paths, change files, save the state."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from git_datmo.errors import DatmoError
from git_datmo.git.command import Git
from git_datmo.model import Oid, Payload
from git_datmo.objects.stored_folders import read_folders
from git_datmo.objects.tree_nodes import Node, NodeKind, root_node
from git_datmo.payloads.addable_paths import PLACEHOLDERS
from git_datmo.payloads.checkout_in_progress import (
    CheckoutInProgress,
    end_underway,
    read_underway,
    write_underway,
)
from git_datmo.payloads.payload_changes import files_of_git
from git_datmo.payloads.tracked_payloads import save
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.repository.workspace import Workspace
from git_datmo.terminal_text import quote_word
from git_datmo.worktree.checkout_plan import Placement
from git_datmo.worktree.file_placer import sweep
from git_datmo.worktree.folder_walk import walk
from git_datmo.worktree.stat_cache import Differences
from git_datmo.worktree.stat_cache_edit import CacheEdit
from git_datmo.worktree.tracking import Tracked, Tracking
from git_datmo.worktree.worktree_checkout import Checkout

NOTHING = Differences((), (), (), ())


def what_is_at(ws: Workspace, path: str) -> Differences:
    """Return the files at a path that the stat cache does not know."""
    full = ws.root / path
    if not os.path.lexists(full):
        return NOTHING
    if full.is_dir() and not full.is_symlink():
        gits = files_of_git(ws.repo.git, [path])
        return replace(
            NOTHING,
            added=tuple(p for p in walk(ws.root, os.fsencode(path), deque()) if p not in gits),
        )
    return replace(NOTHING, added=(os.fsencode(path),))


def _is_in_way(path: bytes, places: Collection[bytes]) -> bool:
    """Return True for a file of git's at a payload's path, or below it unless it is a
    placeholder."""
    if path in places:
        return True
    folder = os.path.dirname(path)
    while folder:
        if folder in places:
            return os.path.basename(path) not in PLACEHOLDERS
        folder = os.path.dirname(folder)
    return False


def refuse_tracked_by_git(git: Git, payloads: Iterable[Payload]) -> None:
    """Raise `DatmoError` if git itself tracks files at a payload's path."""
    places = {os.fsencode(payload.path) for payload in payloads}
    tracked = files_of_git(git, [os.fsdecode(path) for path in places])
    listed = sorted(path for path in tracked if _is_in_way(path, places))
    if listed:
        shown = os.fsdecode(listed[0])
        raise DatmoError(
            f"the payload path '{shown}' is tracked by git here",
            f"take it out of git's index first: git rm --cached -- {quote_word(shown)}",
        )


def carry_out(
    ws: Workspace, target: str, checkout: Checkout, plans: Mapping[str, Placement]
) -> None:
    """Change the files of payloads under a mark, which stays until `finish`.

    `target` is the snapshot, or '' for a merge's.
    """
    touched = frozenset(path for path, plan in plans.items() if plan)
    # The mark is written before the first file changes, and `finish` removes it last.
    begin(ws, CheckoutInProgress(target, touched))
    with ways_out(ws.state):
        for plan in plans.values():
            change_files(ws.root, checkout, plan)


def begin(ws: Workspace, underway: CheckoutInProgress) -> None:
    """Mark payloads that are about to change. Those of an interrupted change stay marked."""
    if not underway.payloads:
        return
    earlier = read_underway(ws.state)
    # The files of an earlier interrupted change are still mixed, so they stay in the mark.
    payloads = underway.payloads | (earlier.payloads if earlier is not None else frozenset())
    # The way back leads to the snapshot before the first of several interrupted changes.
    before = earlier.before if earlier is not None else next(iter(ws.tracking().snapshots), "")
    write_underway(ws.state, replace(underway, payloads=payloads, before=before))


def given_up(ws: Workspace, target: str) -> dict[str, Node]:
    """Return the nodes that an interrupted checkout to another snapshot than `target` was
    placing."""
    underway = read_underway(ws.state)
    if underway is None or underway.snapshot in ("", target):
        return {}
    payloads: tuple[Payload, ...] = ()
    # The record may be lost. Then no file can be recognized, and all of them stay.
    with suppress(DatmoError):
        record = ws.ledger.record(Oid.parse(underway.snapshot))
        payloads = record.payloads if isinstance(record, Snapshot) else ()
    return {
        payload.path: root_node(payload.content)
        for payload in payloads
        if payload.path in underway.payloads
    }


@contextmanager
def ways_out(state: Path) -> Iterator[None]:
    """Let errors raised in the block say how to continue and how to go back."""
    try:
        yield
    except DatmoError as error:
        underway = read_underway(state)
        if underway is not None:
            error.hint = "; ".join(filter(None, (error.hint, underway.hint)))
        raise


def change_files(root: Path, checkout: Checkout, plan: Placement) -> None:
    # An interrupted checkout left temporary files in these folders.
    sweep(root, plan.folders)
    checkout.apply(plan)


def finish(ws: Workspace, before: Tracking, after: Tracking, edit: CacheEdit) -> None:
    """Save the state of placed payloads, then the stat cache, in the same order as after
    storing."""
    save(ws, after)
    known = {tracked.payload.path for tracked in before.payloads if tracked.placed}
    for tracked in after.payloads:
        # The stat cache may have old entries from when the path was no payload, or not placed.
        if tracked.payload.path not in known:
            edit.renew(os.fsencode(tracked.payload.path))
    ws.cache.update(edit)
    end_underway(ws.state)


def as_placed(ws: Workspace, before: Tracking, payloads: Iterable[Payload]) -> list[Tracked]:
    """Return payloads as the working tree tracks them once their files exist."""
    placed = []
    for payload in payloads:
        was = before.get(payload.path)
        known = was is not None and was.placed and was.payload.content == payload.content
        empty = (
            was.empty_folders
            if was is not None and known
            else frozenset(_empty_folders(ws, payload))
        )
        placed.append(Tracked(payload, True, empty))
    return placed


def _empty_folders(ws: Workspace, payload: Payload) -> Iterator[bytes]:
    """Yield the empty folders of a payload, except its own."""
    root = root_node(payload.content)
    stack = [(os.fsencode(payload.path), root.oid)] if root.kind is NodeKind.FOLDER else []
    while stack:
        path, oid = stack.pop()
        for name, folder in read_folders(oid, ws.store.read_tree):
            if folder == ws.store.empty_tree:
                yield path + b"/" + name
            stack.append((path + b"/" + name, folder))
