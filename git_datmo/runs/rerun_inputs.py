"""Write stored files and folders into a rerun's folder, and fetch missing objects."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from git_datmo.errors import Incomplete
from git_datmo.model import Content, Oid
from git_datmo.objects.tree_nodes import Node, root_node
from git_datmo.payloads.clean_filters import smudge
from git_datmo.progress import Progress
from git_datmo.remotes.fetch_objects import fetch_objects
from git_datmo.remotes.required_objects import require
from git_datmo.repository.healing import healed
from git_datmo.repository.workspace import Workspace
from git_datmo.sizes import show_count
from git_datmo.worktree.stat_cache import Differences
from git_datmo.worktree.stat_cache_edit import CacheEdit
from git_datmo.worktree.worktree_checkout import Checkout


def require_objects(
    ws: Workspace, nodes: Iterable[Node], of: Oid, progress: Progress, *, size: int = 0
) -> None:
    """Fetch the missing objects of `nodes`; raise `Incomplete` if any is not available.

    `of` is the record that needs them. `size` is their total size in bytes, 0 if unknown.
    """
    missing = fetch_objects(ws, list(nodes), size=size, progress=progress)
    if missing:
        raise Incomplete(
            f"{show_count(len(missing.all), 'object')} of record '{of}' cannot be found here or on"
            " any remote",
            "ask the person who made it to run 'git push'",
            missing=sorted(map(str, missing.all)),
        )


def place_code(ws: Workspace, code: Content, folder: Path, progress: Progress) -> None:
    """Write stored code into the empty `folder`, as git would check it out in this clone."""
    place(ws, [("", root_node(code))], folder, progress)
    top = os.fsencode(folder)
    files = [
        os.path.relpath(os.path.join(base, name), top)
        for base, _, names in os.walk(top)
        for name in names
    ]
    # The store has files as git stores them, before the filters of a checkout.
    smudge(ws, folder, files)


def place(
    ws: Workspace, contents: Iterable[tuple[str, Node]], folder: Path, progress: Progress
) -> list[bytes]:
    """Write stored files and folders into `folder`; return the paths of links.

    The paths must be unused. A damaged object is fetched again.
    """
    nothing = Differences((), (), (), ())
    checkout = Checkout(ws.store, folder, CacheEdit(ws.repo.format), progress)
    for each in contents:

        def write(path: str = each[0], node: Node = each[1]) -> None:
            checkout.apply(checkout.plan(path, None, node, nothing))

        def fetch(path: str = each[0], node: Node = each[1]) -> None:
            require(ws, [(path, node)], progress=progress)

        healed(ws, write, progress, again=fetch)
    return checkout.links
