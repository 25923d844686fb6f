"""Fetch required objects if any is missing. Usually none is, and no code that fetches is loaded."""

from __future__ import annotations

from collections.abc import Iterable

from git_datmo.errors import Incomplete
from git_datmo.objects.tree_nodes import Node
from git_datmo.progress import QUIET, Progress
from git_datmo.remotes.missing_objects import find_missing
from git_datmo.repository.workspace import Workspace


def require(
    ws: Workspace, wanted: Iterable[tuple[str, Node]], *, size: int = 0, progress: Progress = QUIET
) -> None:
    """Fetch missing objects of `wanted`; raise `Incomplete` with the names of unavailable ones.

    `size` is their total in bytes, if known.
    """
    named = list(wanted)
    if not find_missing(ws.store, (node for _, node in named)):
        return
    from git_datmo.remotes.fetch_objects import fetch_objects
    from git_datmo.remotes.working_clones import hint_at_clones

    missing = fetch_objects(ws, (node for _, node in named), size=size, progress=progress)
    if not missing:
        return
    names = dict.fromkeys(f"'{name}'" for name, node in named if find_missing(ws.store, [node]))
    lost = sorted(map(str, missing.all))
    count = "1 object is" if len(lost) == 1 else f"{len(lost)} objects are"
    raise Incomplete(
        f"{', '.join(names)} cannot be found here or on any remote: {count} missing, the first"
        f" is {lost[0]}",
        hint_at_clones(ws),
        missing=lost,
    )
