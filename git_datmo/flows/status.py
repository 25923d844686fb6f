"""How the working tree's payloads stand to the store, to the last snapshot, and to the remote."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from git_datmo.flows.changes import current_tracking, find_differences, really_differs
from git_datmo.flows.git_owned import owned_warnings
from git_datmo.flows.history import History
from git_datmo.flows.look import Look, look
from git_datmo.flows.merging.unresolved import Pending, read_pending
from git_datmo.flows.sharing.unshared import count_unshared
from git_datmo.flows.sparse import count_taken, taken_warnings, without_taken
from git_datmo.flows.underway import MERGING, read_underway
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Payload
from git_datmo.store.statcache import Differences
from git_datmo.store.tracking import Tracked, Tracking


@dataclass(frozen=True, slots=True)
class PayloadStatus:
    """One payload: `state` is 'unchanged', 'modified', 'missing' or 'not fetched'.

    It is 'missing', too, where git's sparse checkout took some of its files away, and nothing else changed.

    `in_snapshot` says that a snapshot which the working tree stands on has just this content.
    """

    payload: Payload
    state: str
    in_snapshot: bool


@dataclass(frozen=True, slots=True)
class Status:
    """How the working tree stands.

    `standing` are the snapshots that the files are from, `snapshots` those that HEAD has; `differs` says that the one
    is not the other. `never_shared` is a line about data that are in no record, or ''. `unshared` counts records that
    `remote` lacked when it was last asked; `interrupted` is the command that finishes a checkout or merge that was cut
    off, or ''. `undecided` are paths that a merge left as they were, and `hint` says how to decide.
    """

    is_set_up: bool
    payloads: tuple[PayloadStatus, ...]
    standing: tuple[str, ...]
    snapshots: tuple[str, ...]
    differs: bool
    never_shared: str
    is_shallow: bool
    remote: str
    unshared: int
    interrupted: str
    undecided: tuple[str, ...]
    hint: str
    warnings: tuple[str, ...]


def examine(ws: Workspace) -> Status:
    """Compare everything; reads file contents only where git's stat cache cannot tell."""
    # A bare repository, which has no working tree to compare, is refused.
    ws.repo.work_tree.stat()
    history = History(ws)
    head = ws.repo.head()
    tracking = current_tracking(ws)
    differences = find_differences(ws, tracking, taken=True)
    taken = count_taken(ws, tracking, differences)
    seen = look(ws, history, tracking.snapshots, head) if head is not None else None
    if head is not None:
        # What the note on the commit names and nobody can read is warned of.
        history.own(head)
    remote = ws.repo.default_remote() or ""
    waiting = count_unshared(ws, history.heads, remote) if remote else 0
    pending = read_pending(ws)
    undecided = pending.paths if pending is not None else ()
    return Status(
        is_set_up=ws.has_store,
        payloads=_payloads(ws, tracking, without_taken(ws, differences), taken),
        standing=tracking.snapshots,
        snapshots=seen.data.ids if seen is not None else (),
        differs=seen is not None and not seen.is_settled and bool(tracking.snapshots or seen.data.heads),
        never_shared=_never_shared(ws, seen),
        is_shallow=seen is not None and seen.data.is_cut_off,
        remote=remote,
        unshared=waiting,
        interrupted=_interrupted(ws, pending),
        undecided=undecided,
        hint=pending.hint if pending is not None and undecided else "",
        warnings=(*history.warnings, *owned_warnings(ws, tracking), *taken_warnings(taken)),
    )


def _payloads(
    ws: Workspace, tracking: Tracking, differences: Mapping[str, Differences], taken: Collection[str]
) -> tuple[PayloadStatus, ...]:
    """Compare each payload with its files, and with the snapshots that the working tree stands on."""
    known = tracking.base_contents
    states = []
    for tracked in tracking.payloads:
        path = tracked.payload.path
        state = _state(ws, tracked, differences[path] if tracked.placed else None)
        if state == "unchanged" and path in taken:
            state = "missing"
        in_snapshot = known.get(path) == tracked.payload.content and state != "modified"
        states.append(PayloadStatus(tracked.payload, state, in_snapshot))
    return tuple(states)


def _never_shared(ws: Workspace, seen: Look | None) -> str:
    if seen is None or not seen.data.unshared:
        return ""
    from git_datmo.flows.target import unshared_error

    error = unshared_error(ws, seen.data)
    return f"{error.what}; {error.hint}"


def _interrupted(ws: Workspace, pending: Pending | None) -> str:
    underway = read_underway(ws)
    if underway is None and pending is not None and not pending.placed:
        underway = MERGING
    return underway.way if underway is not None else ""


def _state(ws: Workspace, tracked: Tracked, found: Differences | None) -> str:
    if found is None:
        return "not fetched"
    if not os.path.lexists(ws.root / tracked.payload.path):
        return "missing"
    return "modified" if found and really_differs(ws, tracked, found) else "unchanged"
