"""What is needed has to be here, or be fetched; mostly it is here, and nothing that fetches is loaded."""

from __future__ import annotations

from collections.abc import Iterable

from git_datmo.errors import Incomplete
from git_datmo.flows.sharing.missing import find_missing
from git_datmo.flows.workspace import Workspace
from git_datmo.progress import QUIET, Progress
from git_datmo.store.layout import Node


def require(ws: Workspace, wanted: Iterable[tuple[str, Node]], *, size: int = 0, progress: Progress = QUIET) -> None:
    """Fetch what the store lacks of `wanted`; raises `Incomplete` with the names of those that can be had nowhere.

    `size` is how many bytes they have in all, where that is known.
    """
    named = list(wanted)
    if not find_missing(ws.store, (node for _, node in named)):
        return
    from git_datmo.flows.sharing.clones import hint_at_clones
    from git_datmo.flows.sharing.obtain import obtain

    missing = obtain(ws, (node for _, node in named), size=size, progress=progress)
    if not missing:
        return
    names = dict.fromkeys(f"'{name}'" for name, node in named if find_missing(ws.store, [node]))
    lost = sorted(map(str, missing.all))
    raise Incomplete(
        f"{', '.join(names)} can be had nowhere: {len(lost)} objects are missing, the first is {lost[0]}",
        hint_at_clones(ws),
        missing=lost,
    )
