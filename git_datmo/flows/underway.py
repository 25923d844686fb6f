"""A checkout of payloads that is under way: to which snapshot, and of which payloads.

It is written before the first file changes and removed last. Found by another command, it says that a checkout was cut
off: the files of these payloads may be of the old version or of the new, and no snapshot is to be made of that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from git_datmo import fsio
from git_datmo.errors import Damaged, DatmoError
from git_datmo.flows.workspace import Workspace

MARK = "checkout"
# Beside it, while payloads are merged, and until a person decided about what a merge left (see unresolved.py).
MERGE = "merge"


@dataclass(frozen=True, slots=True)
class Underway:
    """The snapshot's id, '' for the one that a merge of payloads is to make, and the paths of the payloads that are
    brought to it."""

    snapshot: str
    payloads: frozenset[str]

    @property
    def is_merge(self) -> bool:
        return not self.snapshot

    @property
    def way(self) -> str:
        """The command that finishes it."""
        return f"git datmo checkout {self.snapshot[:10]}".rstrip()


# A merge that was cut off before it changed a file.
MERGING = Underway("", frozenset())


def read_underway(ws: Workspace) -> Underway | None:
    """The checkout that was cut off, if one was; the caller holds the lock, or only tells of it."""
    path = ws.state / MARK
    try:
        raw = json.loads(path.read_bytes())
        return Underway(raw["snapshot"], frozenset(raw["payloads"]))
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(f"cannot read '{path}': {error}", "remove it, then run 'git datmo checkout'") from error


def write_underway(ws: Workspace, snapshot: str, payloads: Iterable[str]) -> None:
    fsio.write_file(ws.state / MARK, json.dumps({"snapshot": snapshot, "payloads": sorted(payloads)}).encode())


def end_underway(ws: Workspace) -> None:
    (ws.state / MARK).unlink(missing_ok=True)


def end_merge(ws: Workspace) -> None:
    (ws.state / MERGE).unlink(missing_ok=True)


def interrupted(underway: Underway) -> DatmoError:
    """What a command says that cannot go on before the checkout was finished."""
    what = "merge" if underway.is_merge else "checkout"
    return DatmoError(f"a {what} of payloads was interrupted", f"finish it with '{underway.way}'")


def refuse_during_checkout(ws: Workspace) -> None:
    underway = read_underway(ws)
    if underway is not None:
        raise interrupted(underway)
