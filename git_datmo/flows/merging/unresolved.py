"""A merge of payloads that is under way, or waits for a person: one file in the working tree's state says so."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

from git_datmo import fsio
from git_datmo.errors import Damaged, DatmoError
from git_datmo.flows.underway import MERGE, MERGING, interrupted, read_underway
from git_datmo.flows.workspace import Workspace
from git_datmo.store.layout import find_path, root_node
from git_datmo.store.tracking import Tracking


@dataclass(frozen=True, slots=True)
class Pending:
    """The merge that made `commit`: `ours` and `theirs` are the snapshots that it unites.

    `kept` are the paths that stayed as they are here, with what that is ('' for nothing); once the rest is `placed`,
    those that a person has not decided about yet.
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
            f"take theirs with 'git datmo checkout {self.theirs[:10]} -- PATH', or keep the file as it is with"
            " 'git datmo add-data PATH'; then run 'git datmo snapshot'"
        )


def read_pending(ws: Workspace) -> Pending | None:
    """The merge that is not done yet, as long as HEAD has its commit."""
    path = ws.state / MERGE
    try:
        raw = json.loads(path.read_bytes())
        pending = Pending(raw["commit"], raw["ours"], raw["theirs"], raw["placed"], tuple(map(tuple, raw["kept"])))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, LookupError) as error:
        raise Damaged(f"'{path}' is malformed: {error}", "remove it, then run 'git datmo checkout'") from error
    done = ws.repo.git.finish("merge-base", "--is-ancestor", pending.commit, "HEAD")
    return pending if done.returncode == 0 else None


def is_interrupted(ws: Workspace) -> bool:
    """Return whether a merge of payloads was cut off, and is HEAD's still."""
    pending = read_pending(ws)
    return pending is not None and not pending.placed


def write_pending(ws: Workspace, pending: Pending) -> None:
    document = {
        "commit": pending.commit,
        "ours": pending.ours,
        "theirs": pending.theirs,
        "placed": pending.placed,
        "kept": pending.kept,
    }
    fsio.write_file(ws.state / MERGE, json.dumps(document, indent=1).encode() + b"\n")


def decide(ws: Workspace, paths: Iterable[str]) -> None:
    """Note that a person took a side at `paths`, and all below them."""
    pending = read_pending(ws)
    if pending is not None:
        taken = tuple(paths)
        kept = [each for each in pending.kept if not any((each[0] + "/").startswith(path + "/") for path in taken)]
        write_pending(ws, replace(pending, kept=tuple(kept)))


def refuse_unresolved(ws: Workspace, tracking: Tracking) -> None:
    """Raise `DatmoError` while a path that a merge left as it was still is so and nobody said that it shall be."""
    pending = read_pending(ws)
    if pending is None:
        return
    if not pending.placed:
        raise interrupted(MERGING)
    paths = [path for path, node in pending.kept if node_name(ws, tracking, path) == node]
    if paths:
        shown = ", ".join(f"'{path}'" for path in paths[:3]) + (", …" if len(paths) > 3 else "")
        raise DatmoError(f"the merge left {len(paths)} path{'s' * (len(paths) > 1)} undecided: {shown}", pending.hint)


def node_name(ws: Workspace, tracking: Tracking, path: str) -> str:
    """What a working tree's payloads have at `path`, as kind and id; '' for nothing."""
    tracked = tracking.holding(path)
    if tracked is None:
        return ""
    inner = os.fsencode(path[len(tracked.payload.path) + 1 :])
    node = find_path(root_node(tracked.payload.content), inner.split(b"/") if inner else (), ws.store.read_tree)
    return f"{node.kind.value} {node.oid}" if node is not None else ""


def read_halfway(ws: Workspace, snapshot: str, *, force: bool = False) -> frozenset[str]:
    """Return the payloads in which a checkout to `snapshot` was cut off; raises `DatmoError` for one to another.

    Only that checkout knows which files it had placed already; any other gives it up, which `force` allows. A merge
    that was cut off is given up where HEAD has it no more, too.
    """
    underway = read_underway(ws)
    if underway is None:
        return frozenset()
    given_up = force or (underway.is_merge and not is_interrupted(ws))
    if underway.snapshot != snapshot and not given_up:
        raise interrupted(underway)
    return underway.payloads
