"""How the working tree's payloads stand to the store, to the last snapshot, and to the remote."""

from __future__ import annotations

import os
from dataclasses import dataclass

from git_datmo.flows.changes import current_tracking, find_differences, really_differs
from git_datmo.flows.history import History, unshared
from git_datmo.flows.merging.unresolved import read_pending
from git_datmo.flows.underway import MERGING, read_underway
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Payload
from git_datmo.store.statcache import Differences
from git_datmo.store.tracking import Tracked


@dataclass(frozen=True, slots=True)
class PayloadStatus:
    """One payload: `state` is 'unchanged', 'modified', 'missing' or 'not fetched'; `in_snapshot` says whether the
    commit's snapshot has just this content."""

    payload: Payload
    state: str
    in_snapshot: bool


@dataclass(frozen=True, slots=True)
class Status:
    """`unshared` counts records that `remote` lacked when it was last heard of; `interrupted` is the command that
    finishes a checkout or merge that was cut off, or ''.

    `undecided` are paths that a merge left as they were here, and `hint` says how to decide.
    """

    payloads: tuple[PayloadStatus, ...]
    snapshot: str
    remote: str
    unshared: int
    interrupted: str
    undecided: tuple[str, ...]
    hint: str
    warnings: tuple[str, ...]


def examine(ws: Workspace) -> Status:
    """Compare everything; reads file contents only where git's stat cache cannot tell."""
    history = History(ws)
    head = ws.repo.head()
    nearest = history.nearest(head) if head is not None else None
    tracking = current_tracking(ws)
    known = {p.path: p.content for p in nearest.snapshot.payloads} if nearest else {}
    differences = find_differences(ws, tracking)
    states = []
    for tracked in tracking.payloads:
        path = tracked.payload.path
        state = _state(ws, tracked, differences[path] if tracked.placed else None)
        in_snapshot = known.get(path) == tracked.payload.content and state != "modified"
        states.append(PayloadStatus(tracked.payload, state, in_snapshot))
    remote = ws.repo.default_remote() or ""
    waiting = len(unshared(ws, history.heads, remote)) if remote else 0
    pending = read_pending(ws)
    undecided = pending.paths if pending is not None else ()
    hint = pending.hint if pending is not None and undecided else ""
    underway = read_underway(ws)
    if underway is None and pending is not None and not pending.placed:
        underway = MERGING
    interrupted = underway.way if underway is not None else ""
    snapshot = str(nearest.id) if nearest else ""
    warnings = tuple(history.warnings)
    return Status(tuple(states), snapshot, remote, waiting, interrupted, undecided, hint, warnings)


def _state(ws: Workspace, tracked: Tracked, found: Differences | None) -> str:
    if found is None:
        return "not fetched"
    if not os.path.lexists(ws.root / tracked.payload.path):
        return "missing"
    return "modified" if found and really_differs(ws, tracked, found) else "unchanged"
