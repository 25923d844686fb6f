"""Go on where a file of the store is damaged: it is moved aside, and what it had is fetched where it is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from git_datmo.errors import DamagedFile
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Oid
from git_datmo.progress import QUIET, Progress

_T = TypeVar("_T")


# First a pack gets a new index, then it is moved aside.
ATTEMPTS = 2


def healed(
    ws: Workspace, step: Callable[[], _T], progress: Progress = QUIET, *, again: Callable[[], object] | None = None
) -> _T:
    """Return what `step` returns; where it meets a damaged file of the store, move that file aside and try again.

    `step`, or `again` before it is repeated, fetches what is missing then. A damaged file that is none of the store's
    is an error.
    """
    seen: Counter[Path] = Counter()
    while True:
        try:
            return step()
        except DamagedFile as error:
            path = Path(error.path)
            seen[path] += 1
            if seen[path] > ATTEMPTS or not path.is_relative_to(ws.store.path / "objects") or not path.exists():
                raise
            heal(ws, [path], progress)
        if again is not None:
            again()


def heal(ws: Workspace, paths: Iterable[Path], progress: Progress = QUIET) -> None:
    """Move damaged files of the store aside, and say so."""
    from git_datmo.store.damage import ASIDE

    moved = list(paths)
    take_aside(ws, moved, progress)
    for path in moved:
        where = ws.store.path / ASIDE
        progress.tell(f"warning: '{path.name}' was damaged, and is in '{where}' now; what it lost is fetched if needed")


def take_aside(ws: Workspace, paths: Iterable[Path], progress: Progress = QUIET) -> frozenset[Oid]:
    """Move damaged files of the store aside, what is healthy in them rescued; return the objects that they lost."""
    from git_datmo.store.damage import set_aside

    lost: frozenset[Oid] = frozenset()
    for path in paths:
        lost |= set_aside(ws.store, path, progress)
    return frozenset(oid for oid in lost if oid not in ws.store)
