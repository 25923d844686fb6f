"""What a checkout and a merge of payloads have in common: see what is there, change the files, make that the state."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace

from git_datmo.errors import DatmoError
from git_datmo.flows.addable import PLACEHOLDERS
from git_datmo.flows.changes import files_of_git
from git_datmo.flows.tracked import save
from git_datmo.flows.underway import Underway, end_underway, read_underway, write_underway
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Oid, Payload
from git_datmo.records.types import Snapshot
from git_datmo.store.cacheedit import CacheEdit
from git_datmo.store.capture import walk
from git_datmo.store.checkout import Checkout, Placement
from git_datmo.store.layout import Kind, Node, read_folders, root_node
from git_datmo.store.placer import sweep
from git_datmo.store.statcache import Differences
from git_datmo.store.tracking import Tracked, Tracking
from git_datmo.terminal_text import quote_word

NOTHING = Differences((), (), (), ())


def what_is_at(ws: Workspace, path: str) -> Differences:
    """What is at a path that the stat cache knows nothing of."""
    full = ws.root / path
    if not os.path.lexists(full):
        return NOTHING
    if full.is_dir() and not full.is_symlink():
        gits = files_of_git(ws, [path])
        return replace(NOTHING, added=tuple(p for p in walk(ws.root, os.fsencode(path), deque()) if p not in gits))
    return replace(NOTHING, added=(os.fsencode(path),))


def _is_in_way(path: bytes, places: Collection[bytes]) -> bool:
    """Return True for a file of git's at a payload's path, or below one where it is no placeholder."""
    if path in places:
        return True
    folder = os.path.dirname(path)
    while folder:
        if folder in places:
            return os.path.basename(path) not in PLACEHOLDERS
        folder = os.path.dirname(folder)
    return False


def refuse_tracked_by_git(ws: Workspace, payloads: Iterable[Payload]) -> None:
    """Raise `DatmoError` where git itself tracks what lies at a payload's path."""
    places = {os.fsencode(payload.path) for payload in payloads}
    tracked = files_of_git(ws, [os.fsdecode(path) for path in places])
    listed = sorted(path for path in tracked if _is_in_way(path, places))
    if listed:
        shown = os.fsdecode(listed[0])
        raise DatmoError(
            f"the payload path '{shown}' is tracked by git here",
            f"take it out of git's index first: git rm --cached -- {quote_word(shown)}",
        )


def carry_out(ws: Workspace, target: str, checkout: Checkout, plans: Mapping[str, Placement]) -> None:
    """Change the files of payloads on the way to the snapshot `target` ('' for a merge's); until `finish`, other
    commands are told that this is under way."""
    touched = frozenset(path for path, plan in plans.items() if plan)
    begin(ws, Underway(target, touched))
    with ways_out(ws):
        for plan in plans.values():
            change_files(ws, checkout, plan)


def begin(ws: Workspace, underway: Underway) -> None:
    """Mark that payloads are about to change, unless there are none; those of a change that was cut off stay marked."""
    if not underway.payloads:
        return
    earlier = read_underway(ws)
    payloads = underway.payloads | (earlier.payloads if earlier is not None else frozenset())
    before = earlier.before if earlier is not None else next(iter(ws.tracking().snapshots), "")
    write_underway(ws, replace(underway, payloads=payloads, before=before))


def given_up(ws: Workspace, target: str) -> dict[str, Node]:
    """Return what a checkout that was cut off, to another snapshot than `target`, was to place, by payload."""
    underway = read_underway(ws)
    if underway is None or underway.snapshot in ("", target):
        return {}
    payloads: tuple[Payload, ...] = ()
    with suppress(DatmoError):
        record = ws.ledger.record(Oid.parse(underway.snapshot))
        payloads = record.payloads if isinstance(record, Snapshot) else ()
    return {payload.path: root_node(payload.content) for payload in payloads if payload.path in underway.payloads}


@contextmanager
def ways_out(ws: Workspace) -> Iterator[None]:
    """Let an error that is raised while files change say how to go on, and how to go back."""
    try:
        yield
    except DatmoError as error:
        underway = read_underway(ws)
        if underway is not None:
            error.hint = "; ".join(filter(None, (error.hint, underway.hint)))
        raise


def change_files(ws: Workspace, checkout: Checkout, plan: Placement) -> None:
    sweep(ws.root, plan.folders)
    checkout.apply(plan)


def finish(ws: Workspace, before: Tracking, after: Tracking, edit: CacheEdit) -> None:
    """Make what was placed the working tree's state: first the state, then the stat cache, as after storing."""
    save(ws, after)
    known = {tracked.payload.path for tracked in before.payloads if tracked.placed}
    for tracked in after.payloads:
        if tracked.payload.path not in known:
            edit.renew(os.fsencode(tracked.payload.path))
    ws.cache.update(edit)
    end_underway(ws)


def as_placed(ws: Workspace, before: Tracking, payloads: Iterable[Payload]) -> list[Tracked]:
    """Payloads as the working tree tracks them once their files are there; `before` is what it tracked."""
    placed = []
    for payload in payloads:
        was = before.get(payload.path)
        known = was is not None and was.placed and was.payload.content == payload.content
        empty = was.empty_folders if was is not None and known else frozenset(_empty_folders(ws, payload))
        placed.append(Tracked(payload, True, empty))
    return placed


def _empty_folders(ws: Workspace, payload: Payload) -> Iterator[bytes]:
    """The folders of a payload that hold nothing, but its own."""
    root = root_node(payload.content)
    stack = [(os.fsencode(payload.path), root.oid)] if root.kind is Kind.FOLDER else []
    while stack:
        path, oid = stack.pop()
        for name, folder in read_folders(oid, ws.store.read_tree):
            if folder == ws.store.empty_tree:
                yield path + b"/" + name
            stack.append((path + b"/" + name, folder))
