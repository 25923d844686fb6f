"""Snapshots without a run: asked for, or made after a commit whose payloads changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from git_datmo.flows.attach import Asked, attach, make_snapshot, require_commit
from git_datmo.flows.capture import refresh
from git_datmo.flows.follow import catch_up
from git_datmo.flows.git_owned import owned_warnings
from git_datmo.flows.merging.unresolved import refuse_unresolved
from git_datmo.flows.target import unshared_warning
from git_datmo.flows.tracked import changing
from git_datmo.flows.underway import refuse_during_checkout
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Oid
from git_datmo.progress import QUIET, Progress
from git_datmo.records.types import Run
from git_datmo.store.tracking import Tracking


@dataclass(frozen=True, slots=True)
class Made:
    """A snapshot that was attached, and what a person should know."""

    id: Oid
    warnings: tuple[str, ...]


def snapshot(ws: Workspace, asked: Asked, *, command: Sequence[str] = (), progress: Progress = QUIET) -> Made:
    """Tie HEAD to the payloads as they are now, the environment and what is `asked`."""
    require_commit(ws)
    with changing(ws) as old:
        refuse_during_checkout(ws)
        unshared = unshared_warning(ws)
        tracking, _ = refresh(ws, catch_up(ws, old, progress=progress), progress=progress)
        refuse_unresolved(ws, tracking)
        # Made without the commit's data, it must not be taken for them.
        asked = replace(asked, side=asked.side or bool(unshared))
        made = attach_snapshot(ws, tracking, asked, command, progress)
        return replace(made, warnings=(*filter(None, [unshared]), *made.warnings))


def attach_snapshot(
    ws: Workspace, tracking: Tracking, asked: Asked, command: Sequence[str], progress: Progress
) -> Made:
    """Attach a snapshot of payloads as they were just stored; the caller holds the lock."""
    from git_datmo.flows.code import add_untracked, capture_code, named_in, untracked_files
    from git_datmo.flows.running.environment import capture_environment
    from git_datmo.flows.secrecy.masking import conceal
    from git_datmo.flows.secrecy.rules import known_secrets
    from git_datmo.flows.signing import wants_signature

    code, remarks = capture_code(ws, tracking, progress=progress), tuple[str, ...]()
    if command:
        named = untracked_files(ws, tracking) & set(named_in(ws, command))
        code, remarks = add_untracked(ws, code, named, progress=progress)
    surrounded = capture_environment(ws, command)
    environment = surrounded.content if surrounded is not None else None
    folder = ws.repo.prefix.rstrip("/")
    outputs = tuple(t.payload.path for t in tracking.payloads if t.payload.role != "data")
    inputs = tuple(t.payload for t in tracking.payloads)
    recorded = Run(tuple(command), folder, inputs=inputs, outputs=outputs) if command else None
    made = make_snapshot(ws, tracking, asked, code=code, environment=environment, run=recorded)
    made, masked = conceal(made, known_secrets(ws.environ))
    oid = attach(ws, tracking, made, sign=wants_signature(ws, asked=asked.sign))
    found = surrounded.warnings if surrounded is not None else ()
    return Made(oid, (*owned_warnings(ws, tracking), *remarks, *masked, *found))
