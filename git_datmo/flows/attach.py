"""From what a working tree holds to a snapshot's record, attached to HEAD."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.flows.running.trust import trust
from git_datmo.flows.tracked import save
from git_datmo.flows.underway import end_merge
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Content, Oid
from git_datmo.records.types import Run, Snapshot, Value
from git_datmo.store.tracking import Tracking


@dataclass(frozen=True, slots=True)
class Asked:
    """Options of a snapshot: what the person says about it, and whether it is a `side` one."""

    message: str = ""
    why: str = ""
    parameters: Mapping[str, Value] | None = None
    metrics: Mapping[str, Value] | None = None
    tolerances: Mapping[str, float] | None = None
    sign: bool = False
    side: bool = False


def require_commit(ws: Workspace) -> Oid:
    head = ws.repo.head()
    if head is None:
        raise DatmoError(
            "this repository has no commits yet", "a snapshot belongs to a commit: make one with 'git commit'"
        )
    return head


def make_snapshot(
    ws: Workspace,
    tracking: Tracking,
    asked: Asked,
    *,
    code: Content,
    environment: Content | None,
    run: Run | None,
) -> Snapshot:
    """Return the record that ties HEAD to all that is given."""
    commit = require_commit(ws)
    tree = ws.repo.resolve(str(commit), "tree")
    return Snapshot(
        commit=commit,
        tree=tree,
        patch=ws.repo.patch_id(commit),
        created=ws.now(),
        author=ws.person,
        message=asked.message,
        why=asked.why,
        payloads=tuple(tracked.payload for tracked in tracking.payloads),
        parameters=dict(asked.parameters or {}),
        metrics=dict(asked.metrics or {}),
        code=code,
        clean=is_clean(ws),
        environment=environment,
        run=run,
        tolerances=dict(asked.tolerances or {}),
        parents=tuple(map(Oid.parse, tracking.snapshots)),
        side=asked.side,
    )


def is_clean(ws: Workspace) -> bool:
    """Return whether the files that git tracks are as HEAD has them."""
    return ws.repo.git.finish("diff", "--quiet", "--no-ext-diff", "HEAD", "--").returncode == 0


def attach(ws: Workspace, tracking: Tracking, snapshot: Snapshot, *, sign: bool) -> Oid:
    """Store a snapshot's record; the working tree then is at it, and no merge waits any more.

    Raises `DatmoError`, and stores nothing, where it is to be signed, and git cannot.
    """
    if sign:
        from git_datmo.flows.signing import attach_signed

        oid = attach_signed(ws, snapshot)
    else:
        (oid,) = ws.ledger.attach(snapshot)
    if snapshot.run is not None:
        trust(ws, oid)
    save(ws, tracking.standing_on([str(oid)], snapshot.payloads))
    end_merge(ws)
    return oid
