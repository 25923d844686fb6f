"""Go on after damage: move the damaged file of the store aside, and repeat the step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from git_datmo.errors import DamagedFile
from git_datmo.model import Oid
from git_datmo.progress import QUIET, Progress
from git_datmo.repository.workspace import Workspace

_T = TypeVar("_T")


# The first attempt makes a new index for a pack, the second moves the pack aside.
ATTEMPTS = 2


def healed(
    ws: Workspace,
    step: Callable[[], _T],
    progress: Progress = QUIET,
    *,
    again: Callable[[], object] | None = None,
) -> _T:
    """Return the result of `step`; if it meets a damaged file of the store, heal and repeat it.

    The repeated `step`, or `again` before it, fetches what is missing. A damaged file outside the
    store is an error.
    """
    seen: Counter[Path] = Counter()
    while True:
        try:
            return step()
        except DamagedFile as error:
            path = Path(error.path)
            seen[path] += 1
            if (
                seen[path] > ATTEMPTS
                or not path.is_relative_to(ws.store.path / "objects")
                or not path.exists()
            ):
                raise
            heal(ws, [path], progress)
        if again is not None:
            again()


def heal(ws: Workspace, paths: Iterable[Path], progress: Progress = QUIET) -> None:
    """Move damaged files of the store aside, and report it."""
    from git_datmo.objects.damaged_files import ASIDE

    moved = list(paths)
    take_aside(ws, moved, progress)
    for path in moved:
        where = ws.store.path / ASIDE
        progress.tell(
            f"warning: '{path.name}' was damaged, and is in '{where}' now; what it lost is"
            " fetched if needed"
        )


def take_aside(ws: Workspace, paths: Iterable[Path], progress: Progress = QUIET) -> frozenset[Oid]:
    """Move damaged files of the store aside after rescuing their healthy objects.

    Returns the objects that are lost.
    """
    from git_datmo.objects.damaged_files import set_aside

    lost: frozenset[Oid] = frozenset()
    for path in paths:
        lost |= set_aside(ws.store, path, progress)
    return frozenset(oid for oid in lost if oid not in ws.store)
