"""Make the record of a snapshot from the working tree, and attach it to HEAD."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.git.object_encoding import commit_tree
from git_datmo.history.command_trust import trust
from git_datmo.model import Content, Oid
from git_datmo.payloads.checkout_in_progress import end_merge
from git_datmo.payloads.tracked_payloads import save
from git_datmo.records.record_values import Value
from git_datmo.records.snapshot_record import Run, Snapshot
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.tracking import Tracking


@dataclass(frozen=True, slots=True)
class SnapshotOptions:
    """The user's words and figures for a snapshot; a `side` one is not the commit's data.

    `attempt` is the id of the experiment that the run goes on with. `tags` are added to those of
    the script.
    """

    message: str = ""
    why: str = ""
    parameters: Mapping[str, Value] | None = None
    metrics: Mapping[str, Value] | None = None
    tolerances: Mapping[str, float] | None = None
    sign: bool = False
    side: bool = False
    attempt: str = ""
    tags: tuple[str, ...] = ()


def require_commit(ws: Workspace) -> Oid:
    """Return HEAD; raise `DatmoError` before the first commit."""
    head = ws.head()
    if head is None:
        raise DatmoError(
            "this repository has no commits yet",
            "a snapshot belongs to a commit: make one with 'git commit'",
        )
    return head


def make_snapshot(
    ws: Workspace,
    tracking: Tracking,
    asked: SnapshotOptions,
    *,
    commit: Oid,
    clean: bool,
    code: Content,
    environment: Content | None,
    run: Run | None,
) -> Snapshot:
    """Return the record that ties a commit to payloads, code, environment and run."""
    return Snapshot(
        commit=commit,
        tree=commit_tree(ws.odb.read(commit, "commit")),
        patch=ws.repo.patch_id(commit),
        created=ws.now(),
        author=ws.person,
        message=asked.message,
        why=asked.why,
        payloads=tuple(tracked.payload for tracked in tracking.payloads),
        parameters=dict(asked.parameters or {}),
        metrics=dict(asked.metrics or {}),
        code=code,
        clean=clean,
        environment=environment,
        run=run,
        tolerances=dict(asked.tolerances or {}),
        parents=tuple(map(Oid.parse, tracking.snapshots)),
        side=asked.side,
    )


def is_clean(ws: Workspace) -> bool:
    """Return True if the files that git tracks are as in HEAD."""
    return ws.repo.git.finish("diff", "--quiet", "--no-ext-diff", "HEAD", "--").returncode == 0


def attach(ws: Workspace, tracking: Tracking, snapshot: Snapshot, *, sign: bool) -> Oid:
    """Store a snapshot's record. The working tree then stands on it, and no merge waits.

    Raises `DatmoError` and stores nothing if it must be signed and git cannot sign.
    """
    if sign:
        from git_datmo.history.record_signatures import attach_signed

        oid = attach_signed(ws, snapshot)
    else:
        (oid,) = ws.ledger.attach(snapshot)
    # The command was recorded in this repository, so a rerun of it needs no approval.
    if snapshot.run is not None:
        trust(ws, oid)
    # `tracked.json` names the record only after it is stored, and the merge ends last.
    save(ws, tracking.standing_on([str(oid)], snapshot.payloads))
    end_merge(ws)
    return oid
