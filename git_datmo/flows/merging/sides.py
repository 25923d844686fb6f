"""What a commit unites: the payloads of a merge's sides and of their base, or of a commit that was picked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.flows.history import Found, History
from git_datmo.flows.merging.unresolved import is_interrupted
from git_datmo.flows.rewritten import Commit
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Oid, Payload

Payloads = dict[str, Payload]
# What git's reflog says of a commit that was made of another (git-rebase, git-cherry-pick).
_PICKED = re.compile(r"(rebase|pull)\b.* \((pick|reword|edit|continue)\)|cherry-pick\b|commit \(cherry-pick\)")


@dataclass(frozen=True, slots=True)
class Sides:
    """A merge or a picked commit whose payloads no snapshot has, and what they are made from."""

    commit: Oid
    base: Payloads
    ours: Found
    theirs: Found
    nearest: Found | None


def find_sides(ws: Workspace) -> Sides | None:
    """What HEAD unites, when it is a merge of two without a snapshot and both sides changed payloads, or was picked."""
    is_merge = ws.repo.git.finish("rev-parse", "-q", "--verify", "HEAD^2^{commit}").returncode == 0
    if not is_merge and not _is_picked(ws) and not is_interrupted(ws):
        return None
    history = History(ws)
    head = history.commit("HEAD")
    if not is_merge:
        return _find_picked(ws, history, head)
    if len(head.parents) != 2 or not history.catalog.rows or history.has_own(head):
        return None
    ours, theirs = (history.nearest(Oid.parse(parent)) for parent in head.parents)
    if ours is None or theirs is None:
        return None
    bases = [history.nearest(Oid.parse(base)) for base in _merge_bases(ws, head.parents)]
    known = [by_path(base.snapshot.payloads) if base is not None else {} for base in bases] or [{}]
    mine, other = by_path(ours.snapshot.payloads), by_path(theirs.snapshot.payloads)
    if other == mine or all(base == other for base in known):
        return None
    nearest = history.nearest(head.oid)
    if mine in known and nearest is not None and by_path(nearest.snapshot.payloads) == other:
        return None
    if any(base != known[0] for base in known):
        raise DatmoError(
            "the payloads were not merged: the branches met more than once before, with different payloads",
            f"take files with 'git datmo checkout {str(theirs.id)[:10]} -- PATH', then run 'git datmo snapshot'",
        )
    return Sides(head.oid, known[0], ours, theirs, nearest)


def _is_picked(ws: Workspace) -> bool:
    """Whether git made HEAD of another commit just now, by rebase or cherry-pick, as its reflog says."""
    done = ws.repo.git.finish("reflog", "-1", "--format=%gs", "HEAD", "--")
    return _PICKED.match(done.stdout.decode("utf-8", "replace")) is not None


def _find_picked(ws: Workspace, history: History, head: Commit) -> Sides | None:
    """What a picked commit unites: the payloads here, and what the commit that it was made of changed in its own."""
    found = history.nearest(head.oid)
    if found is None or found.commit != head.oid or found.snapshot.commit == head.oid or len(head.parents) != 1:
        return None
    # When a rebase is over, git has copied the note; until then the patch says what was picked.
    if found.way != "patch" and not is_interrupted(ws):
        return None
    before = ws.repo.git.finish("rev-parse", "-q", "--verify", f"{found.snapshot.commit}^1^{{commit}}")
    ours = history.nearest(Oid.parse(head.parents[0]))
    if before.returncode or ours is None or ws.tracking().snapshot == str(found.id):
        return None
    base = history.nearest(Oid.parse(before.stdout.decode().strip()))
    known = by_path(base.snapshot.payloads) if base is not None else {}
    if known == by_path(found.snapshot.payloads):
        return None
    return Sides(head.oid, known, ours, found, found)


def _merge_bases(ws: Workspace, parents: Sequence[str]) -> list[str]:
    return ws.repo.git.finish("merge-base", "--all", *parents).stdout.decode().split()


def by_path(payloads: Iterable[Payload]) -> Payloads:
    return {payload.path: payload for payload in payloads}
