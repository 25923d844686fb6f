"""Find what a picked or rebased commit's original changed in the payloads."""

from __future__ import annotations

import re
from dataclasses import dataclass

from git_datmo.git.command import Git
from git_datmo.history.experiments import History
from git_datmo.model import Oid

# Git's reflog messages for a commit made from another (git-rebase, git-cherry-pick).
_PICKED = re.compile(
    r"(rebase|pull)\b.* \((pick|reword|edit|continue)\)|cherry-pick\b|commit \(cherry-pick\)"
)
_MADE = re.compile(r"commit\b")
_AMENDED = re.compile(r"commit \(amend\)")


def last_move(git: Git) -> str:
    """Return the reflog's message about HEAD's last move; '' for none."""
    done = git.finish("reflog", "-1", "--format=%gs", "HEAD", "--")
    return done.stdout.decode("utf-8", "replace").strip()


def is_amended(git: Git) -> bool:
    """Return True if HEAD was made by amending."""
    return _AMENDED.match(last_move(git)) is not None


def is_made_here(git: Git, commit: str) -> bool:
    """Return whether git's reflog says that the commit was made in this working tree."""
    listed = git.finish("log", "-g", "--format=%H %gs", "HEAD", "--").stdout.decode(
        "utf-8", "replace"
    )
    return any(
        _MADE.match(move)
        for oid, _, move in (line.partition(" ") for line in listed.split("\n"))
        if oid == commit
    )


@dataclass(frozen=True, slots=True)
class Picked:
    """The commit that HEAD was picked from: its id, its parent's, and its newest snapshots."""

    original: Oid
    parent: Oid
    snapshots: tuple[str, ...]


def find_picked(git: Git, history: History) -> Picked | None:
    """Return the commit that HEAD was picked from.

    None if HEAD was not picked, has a snapshot of its own, or its original changed no payload.
    """
    # The reflog is the only trace: a picked commit looks like any other.
    if not _PICKED.match(last_move(git)):
        return None
    head = history.commit("HEAD")
    # A snapshot of HEAD itself was made after the pick, which is then done.
    if len(head.parents) != 1 or any(row.commit == str(head.oid) for row in history.own(head.oid)):
        return None
    for claim in history.claimed(head):
        if claim.way not in ("patch", "trailer") or not claim.row.is_data:
            continue
        # `^1` fails for a root commit, and at the boundary of a shallow clone: no change can be
        # computed.
        parent = git.finish("rev-parse", "-q", "--verify", f"{claim.row.commit}^1^{{commit}}")
        if parent.returncode == 0:
            original = Oid.parse(claim.row.commit)
            # The claim can be an older snapshot of the original, without what runs wrote later.
            newest = history.data(original).ids or (claim.row.record,)
            return Picked(original, Oid.parse(parent.stdout.decode().strip()), newest)
    return None
