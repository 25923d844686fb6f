"""The state file of a merge of payloads that is in progress, or waits for a person."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from git_datmo import fsio
from git_datmo.errors import Damaged, DatmoError
from git_datmo.objects.stored_folders import find_path
from git_datmo.objects.tree_nodes import root_node
from git_datmo.payloads.checkout_in_progress import MERGE, MERGING, interrupted, read_underway
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.tracking import Tracking


@dataclass(frozen=True, slots=True)
class MergeState:
    """The merge that made `commit` from the snapshots `ours` and `theirs`.

    `kept` are undecided paths and their current content ('' for none). Once the rest is `placed`, a
    person can decide them.
    """

    commit: str
    ours: str
    theirs: str
    placed: bool
    kept: tuple[tuple[str, str], ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(path for path, _ in self.kept)

    @property
    def hint(self) -> str:
        return (
            f"take theirs with 'git datmo checkout {self.theirs[:10]} -- PATH', or keep the file"
            " as it is with"
            " 'git datmo add-data PATH'; then run 'git datmo snapshot'"
        )


def read_pending(ws: Workspace) -> MergeState | None:
    """Return the unfinished merge, while HEAD is its commit."""
    path = ws.state / MERGE
    try:
        raw = json.loads(path.read_bytes())
        pending = MergeState(
            raw["commit"], raw["ours"], raw["theirs"], raw["placed"], tuple(map(tuple, raw["kept"]))
        )
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, LookupError) as error:
        raise Damaged(
            f"'{path}' is malformed: {error}", "remove it, then run 'git datmo checkout'"
        ) from error
    # After a reset or a switch to another branch, the merge no longer exists.
    done = ws.repo.git.finish("merge-base", "--is-ancestor", pending.commit, "HEAD")
    return pending if done.returncode == 0 else None


def is_interrupted(ws: Workspace) -> bool:
    """Return True if a merge of payloads was interrupted and HEAD is still its commit."""
    pending = read_pending(ws)
    return pending is not None and not pending.placed


def write_pending(state: Path, pending: MergeState) -> None:
    document = {
        "commit": pending.commit,
        "ours": pending.ours,
        "theirs": pending.theirs,
        "placed": pending.placed,
        "kept": pending.kept,
    }
    fsio.write_file(state / MERGE, json.dumps(document, indent=1).encode() + b"\n")


def decide(ws: Workspace, paths: Iterable[str]) -> None:
    """Record that a person decided `paths` and everything below."""
    pending = read_pending(ws)
    if pending is not None:
        taken = tuple(paths)
        kept = [
            each
            for each in pending.kept
            if not any((each[0] + "/").startswith(path + "/") for path in taken)
        ]
        write_pending(ws.state, replace(pending, kept=tuple(kept)))


def refuse_unresolved(ws: Workspace, tracking: Tracking) -> None:
    """Raise `DatmoError` while an undecided path is unchanged and was not accepted."""
    pending = read_pending(ws)
    if pending is None:
        return
    if not pending.placed:
        raise interrupted(MERGING)
    # A changed file counts as decided: the person has edited it.
    paths = [path for path, node in pending.kept if node_name(ws, tracking, path) == node]
    if paths:
        shown = ", ".join(f"'{path}'" for path in paths[:3]) + (", …" if len(paths) > 3 else "")
        raise DatmoError(
            f"the merge left {len(paths)} path{'s' * (len(paths) > 1)} undecided: {shown}",
            pending.hint,
        )


def node_name(ws: Workspace, tracking: Tracking, path: str) -> str:
    """Return kind and id of a working tree's content at `path`; '' for none."""
    tracked = tracking.holding(path)
    if tracked is None:
        return ""
    inner = os.fsencode(path[len(tracked.payload.path) + 1 :])
    node = find_path(
        root_node(tracked.payload.content), inner.split(b"/") if inner else (), ws.store.read_tree
    )
    return f"{node.kind.value} {node.oid}" if node is not None else ""


def read_halfway(ws: Workspace, snapshot: str, *, force: bool = False) -> frozenset[str]:
    """Return the payloads of an interrupted checkout to `snapshot`; raise `DatmoError` for another.

    Only the same checkout knows which files it has placed. With `force`, any other abandons it. So
    is a merge that HEAD no longer has.
    """
    underway = read_underway(ws.state)
    if underway is None:
        return frozenset()
    given_up = force or (underway.is_merge and not is_interrupted(ws))
    if underway.snapshot != snapshot and not given_up:
        raise interrupted(underway)
    return underway.payloads
