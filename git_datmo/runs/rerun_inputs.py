"""Stored files and folders, fetched where they are not here, into a folder of a rerun's own."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from git_datmo.errors import Incomplete
from git_datmo.model import Content, Oid
from git_datmo.objects.layout import Node, root_node
from git_datmo.payloads.clean_filters import smudge
from git_datmo.progress import Progress
from git_datmo.remotes.fetch_objects import fetch_objects
from git_datmo.remotes.required_objects import require
from git_datmo.repository.healing import healed
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.checkout_plan import Checkout
from git_datmo.worktree.stat_cache import Differences
from git_datmo.worktree.stat_cache_edit import CacheEdit


def require_objects(
    ws: Workspace, nodes: Iterable[Node], of: Oid, progress: Progress, *, size: int = 0
) -> None:
    """Fetch what is lacking of `size` bytes, where that is known; raises `Incomplete` for what can
    be had nowhere."""
    missing = fetch_objects(ws, list(nodes), size=size, progress=progress)
    if missing:
        raise Incomplete(
            f"{len(missing.all)} objects of record '{of}' can be had nowhere",
            "ask who made it to run 'git push'",
            missing=sorted(map(str, missing.all)),
        )


def place_code(ws: Workspace, code: Content, folder: Path, progress: Progress) -> None:
    """Write stored code into the empty `folder`, as git would check it out here."""
    place(ws, [("", root_node(code))], folder, progress)
    top = os.fsencode(folder)
    files = [
        os.path.relpath(os.path.join(base, name), top)
        for base, _, names in os.walk(top)
        for name in names
    ]
    smudge(ws, folder, files)


def place(
    ws: Workspace, contents: Iterable[tuple[str, Node]], folder: Path, progress: Progress
) -> list[bytes]:
    """Write stored files and folders at their paths in a folder that holds nothing there; return
    the links in them."""
    nothing = Differences((), (), (), ())
    checkout = Checkout(ws.store, folder, CacheEdit(ws.repo.format), progress)
    for each in contents:

        def write(path: str = each[0], node: Node = each[1]) -> None:
            checkout.apply(checkout.plan(path, None, node, nothing))

        def fetch(path: str = each[0], node: Node = each[1]) -> None:
            require(ws, [(path, node)], progress=progress)

        healed(ws, write, progress, again=fetch)
    return checkout.links
