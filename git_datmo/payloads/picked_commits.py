"""Find what a picked or rebased commit's original changed in the payloads."""

from __future__ import annotations

import re

from git_datmo.history.experiments import Found, History
from git_datmo.model import Oid
from git_datmo.repository.workspace import Workspace

# Git's reflog messages for a commit made from another (git-rebase, git-cherry-pick).
_PICKED = re.compile(
    r"(rebase|pull)\b.* \((pick|reword|edit|continue)\)|cherry-pick\b|commit \(cherry-pick\)"
)
_MADE = re.compile(r"commit\b")
_AMENDED = re.compile(r"commit \(amend\)")


def last_move(ws: Workspace) -> str:
    """Return the reflog's message about HEAD's last move; '' for none."""
    done = ws.repo.git.finish("reflog", "-1", "--format=%gs", "HEAD", "--")
    return done.stdout.decode("utf-8", "replace").strip()


def is_amended(ws: Workspace) -> bool:
    """Return True if HEAD was made by amending."""
    return _AMENDED.match(last_move(ws)) is not None


def is_made_here(ws: Workspace, commit: str) -> bool:
    """Return whether git's reflog says that the commit was made in this working tree."""
    listed = ws.repo.git.finish("log", "-g", "--format=%H %gs", "HEAD", "--").stdout.decode(
        "utf-8", "replace"
    )
    return any(
        _MADE.match(move)
        for oid, _, move in (line.partition(" ") for line in listed.split("\n"))
        if oid == commit
    )


def find_picked(ws: Workspace, history: History) -> tuple[Found, str] | None:
    """Return the snapshot of the commit that HEAD was picked from, and that commit's parent.

    None if HEAD was not picked, has a snapshot of its own, or its original changed no payload.
    """
    if not _PICKED.match(last_move(ws)):
        return None
    head = history.commit("HEAD")
    if len(head.parents) != 1 or any(row.commit == str(head.oid) for row in history.own(head.oid)):
        return None
    for claim in history.claimed(head):
        before = ws.repo.git.finish(
            "rev-parse", "-q", "--verify", f"{claim.row.commit}^1^{{commit}}"
        )
        snapshot = history.snapshot(claim.row.record)
        if (
            before.returncode == 0
            and snapshot is not None
            and claim.way in ("patch", "trailer")
            and claim.row.is_data
        ):
            found = Found(Oid.parse(claim.row.record), snapshot, head.oid, claim.way)
            return found, before.stdout.decode().strip()
    return None
