"""Compare the payloads of a working tree with the store, HEAD's snapshots and the remote."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from git_datmo.history.experiments import History
from git_datmo.model import Payload
from git_datmo.payloads.checkout_in_progress import MERGING, read_underway
from git_datmo.payloads.file_changes import FileChange, name_changes
from git_datmo.payloads.git_tracked import owned_warnings
from git_datmo.payloads.head_comparison import Look, look
from git_datmo.payloads.merging.merge_state import MergeState, read_pending
from git_datmo.payloads.payload_changes import current_tracking, find_differences, really_differs
from git_datmo.payloads.sparse_checkout import count_taken, taken_warnings, without_taken
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.stat_cache import Differences
from git_datmo.worktree.tracking import Tracked, Tracking


@dataclass(frozen=True, slots=True)
class PayloadStatus:
    """A payload and its state: 'unchanged', 'modified', 'missing' or 'not fetched'.

    `in_snapshot` says that a snapshot which the working tree stands on has exactly this content.
    `changes` are the files of a modified payload that differ.
    """

    payload: Payload
    state: str
    in_snapshot: bool
    changes: tuple[FileChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a working tree.

    `standing` are the snapshots of its files, `snapshots` those of HEAD; `differs` if they are not
    the same. `never_shared` is a line about data without a record, or ''. `unshared` counts records
    that `remote` did not have when it was last asked. `interrupted` is the command that finishes an
    interrupted checkout or merge, or ''. `undecided` are paths that a merge left, and `hint` says
    how to decide.
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
    """Compare everything. Content is read only if the stat cache cannot decide."""
    # A bare repository has no working tree to compare, and is refused.
    ws.repo.work_tree.stat()
    history = History(ws)
    head = ws.head()
    tracking = current_tracking(ws)
    differences = find_differences(ws, tracking, taken=True)
    taken = count_taken(ws, tracking, differences)
    seen = look(ws, history, tracking.snapshots, head) if head is not None else None
    if head is not None:
        # Records that the commit's note names and that cannot be read give a warning.
        history.own(head)
    remote = ws.repo.default_remote() or ""
    waiting = _count_waiting(ws, history, remote) if remote else 0
    pending = read_pending(ws)
    undecided = pending.paths if pending is not None else ()
    return Status(
        is_set_up=ws.has_store,
        payloads=_payloads(ws, tracking, without_taken(ws, differences), taken),
        standing=tracking.snapshots,
        snapshots=seen.data.ids if seen is not None else (),
        differs=seen is not None
        and not seen.is_settled
        and bool(tracking.snapshots or seen.data.heads),
        never_shared=_never_shared(ws, seen),
        is_shallow=seen is not None and seen.data.is_cut_off,
        remote=remote,
        unshared=waiting,
        interrupted=_interrupted(ws.state, pending),
        undecided=undecided,
        hint=pending.hint if pending is not None and undecided else "",
        warnings=(*history.warnings, *owned_warnings(ws, tracking), *taken_warnings(taken)),
    )


def _count_waiting(ws: Workspace, history: History, remote: str) -> int:
    # A repository without a remote needs no code of remotes.
    from git_datmo.remotes.unshared_count import count_unshared

    return count_unshared(ws, history.heads, remote)


def _payloads(
    ws: Workspace,
    tracking: Tracking,
    differences: Mapping[str, Differences],
    taken: Collection[str],
) -> tuple[PayloadStatus, ...]:
    """Compare each payload with its files and with the snapshots that the working tree stands
    on."""
    known = tracking.base_contents
    states = []
    for tracked in tracking.payloads:
        path = tracked.payload.path
        found = differences[path] if tracked.placed else None
        state = _state(ws, tracked, found)
        # A sparse checkout took its files away. No change is lost, but the files are missing.
        if state == "unchanged" and path in taken:
            state = "missing"
        in_snapshot = known.get(path) == tracked.payload.content and state != "modified"
        changes = name_changes(ws, tracked, found) if found and state == "modified" else ()
        states.append(PayloadStatus(tracked.payload, state, in_snapshot, changes))
    return tuple(states)


def _never_shared(ws: Workspace, seen: Look | None) -> str:
    if seen is None or not seen.data.unshared:
        return ""
    from git_datmo.payloads.checkout_target import unshared_error

    error = unshared_error(ws, seen.data)
    return f"{error.what}; {error.hint}"


def _interrupted(state: Path, pending: MergeState | None) -> str:
    underway = read_underway(state)
    # A merge that dies before its first file changes has a state file and no mark.
    if underway is None and pending is not None and not pending.placed:
        underway = MERGING
    return underway.way if underway is not None else ""


def _state(ws: Workspace, tracked: Tracked, found: Differences | None) -> str:
    if found is None:
        return "not fetched"
    if not os.path.lexists(ws.root / tracked.payload.path):
        return "missing"
    return "modified" if found and really_differs(ws, tracked, found) else "unchanged"
