"""Make snapshots without a run, on request or after a commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from git_datmo.history.experiments import History
from git_datmo.model import Oid
from git_datmo.payloads.attach_snapshot import (
    SnapshotOptions,
    attach,
    is_clean,
    make_snapshot,
    require_commit,
)
from git_datmo.payloads.checkout_in_progress import refuse_during_checkout
from git_datmo.payloads.checkout_target import unshared_warning
from git_datmo.payloads.follow_head import catch_up
from git_datmo.payloads.git_tracked import owned_warnings
from git_datmo.payloads.merging.merge_state import refuse_unresolved
from git_datmo.payloads.store_payloads import refresh
from git_datmo.payloads.tracked_payloads import changing
from git_datmo.progress import QUIET, Progress
from git_datmo.records.snapshot_record import Run
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.tracking import Tracking


@dataclass(frozen=True, slots=True)
class MadeSnapshot:
    """A snapshot that was attached, and warnings."""

    id: Oid
    warnings: tuple[str, ...]


def snapshot(
    ws: Workspace,
    asked: SnapshotOptions,
    *,
    command: Sequence[str] = (),
    progress: Progress = QUIET,
) -> MadeSnapshot:
    """Tie HEAD to the payloads, the environment and the user's options."""
    head = require_commit(ws)
    with changing(ws) as old:
        refuse_during_checkout(ws)
        history = History(ws)
        unshared = unshared_warning(ws, history, head)
        there = catch_up(ws, old, history=history, progress=progress)
        tracking, _ = refresh(ws, there, progress=progress)
        refuse_unresolved(ws, tracking)
        # Made without the commit's data, it must not be taken for them.
        asked = replace(asked, side=asked.side or bool(unshared))
        made = attach_snapshot(ws, tracking, asked, command, progress)
        return replace(made, warnings=(*filter(None, [unshared]), *made.warnings))


def attach_snapshot(
    ws: Workspace,
    tracking: Tracking,
    asked: SnapshotOptions,
    command: Sequence[str],
    progress: Progress,
) -> MadeSnapshot:
    """Attach a snapshot of payloads that were just stored. The caller holds the lock."""
    from git_datmo.history.record_signatures import wants_signature
    from git_datmo.payloads.captured_environment import capture_environment
    from git_datmo.payloads.code_files import add_untracked, capture_code, named_in, untracked_files
    from git_datmo.secrets.masking import conceal
    from git_datmo.secrets.secret_rules import known_secrets

    code, remarks = capture_code(ws, tracking, progress=progress), tuple[str, ...]()
    # Files that the command names are part of the experiment, even if git does not track them.
    if command:
        named = untracked_files(ws, tracking) & set(named_in(ws, command))
        code, remarks = add_untracked(ws, code, named, progress=progress)
    surrounded = capture_environment(ws, command)
    environment = surrounded.content if surrounded is not None else None
    folder = ws.repo.prefix.rstrip("/")
    outputs = tuple(t.payload.path for t in tracking.payloads if t.payload.role != "data")
    inputs = tuple(t.payload for t in tracking.payloads)
    recorded = Run(tuple(command), folder, inputs=inputs, outputs=outputs) if command else None
    made = make_snapshot(
        ws,
        tracking,
        asked,
        commit=require_commit(ws),
        clean=is_clean(ws),
        code=code,
        environment=environment,
        run=recorded,
    )
    # The last step before the record is stored, so that no text of it escapes masking.
    made, masked = conceal(made, known_secrets(ws.environ))
    oid = attach(ws, tracking, made, sign=wants_signature(ws, asked=asked.sign))
    found = surrounded.warnings if surrounded is not None else ()
    return MadeSnapshot(oid, (*owned_warnings(ws, tracking), *remarks, *masked, *found))
