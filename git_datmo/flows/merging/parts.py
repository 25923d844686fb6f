"""Files and folders from within payloads of a snapshot, taken without the rest of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from git_datmo.errors import DatmoError
from git_datmo.flows.changes import find_differences
from git_datmo.flows.collisions import refuse_collisions, refuse_other_case
from git_datmo.flows.link_remarks import tell_placed_links
from git_datmo.flows.merging.contents import Steps, differing, measure, rewrite
from git_datmo.flows.merging.placing import NOTHING, as_placed, change_files, what_is_at
from git_datmo.flows.merging.unresolved import read_pending
from git_datmo.flows.sharing.require import require
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Payload
from git_datmo.progress import Progress
from git_datmo.store.cacheedit import CacheEdit
from git_datmo.store.checkout import Checkout, Placement
from git_datmo.store.layout import Node, root_node
from git_datmo.store.statcache import Differences
from git_datmo.store.tracking import Tracked, Tracking


@dataclass(frozen=True, slots=True)
class Part:
    """A path within a payload of the snapshot that it is taken from."""

    payload: Payload
    path: str

    @property
    def steps(self) -> Steps:
        return tuple(os.fsencode(self.path[len(self.payload.path) + 1 :]).split(b"/"))


def split(payloads: Sequence[Payload], only: Sequence[str]) -> tuple[tuple[Payload, ...], tuple[Part, ...]]:
    """The payloads that the paths `only` name whole, and the paths within others."""
    whole: list[Payload] = []
    parts: list[Part] = []
    for path in only:
        inside = [p for p in payloads if not path or (p.path + "/").startswith(path + "/")]
        holder = next((p for p in payloads if path.startswith(p.path + "/")), None)
        if not inside and holder is None:
            raise DatmoError(f"the snapshot has no payload at '{path}'", "'git datmo show' lists its payloads")
        whole += inside
        if holder is not None:
            parts.append(Part(holder, path))
    return tuple(dict.fromkeys(whole)), tuple(parts)


def place_parts(
    ws: Workspace, tracking: Tracking, parts: Sequence[Part], edit: CacheEdit, *, force: bool, progress: Progress
) -> list[Tracked]:
    """Place files and folders from within payloads, fetching nothing else of them.

    Returns the payloads of the working tree that now have them. A process that dies on the way leaves files that look
    modified, as if a person had copied them there.
    """
    pending = read_pending(ws)
    undecided = pending.paths if pending is not None else ()
    differences = find_differences(ws, tracking, taken=True) if parts else {}
    plans: list[tuple[Checkout, Placement]] = []
    changes: dict[str, dict[Steps, Node | None]] = {}
    coming: list[tuple[str, Node]] = []
    for part in parts:
        from git_datmo.flows.sharing.obtain import obtain_way

        node = obtain_way(ws, part.payload.content, part.steps, progress=progress)
        if node is None and part.path not in undecided:
            raise DatmoError(f"the payload '{part.payload.path}' has no '{part.path}' in that snapshot")
        if node is not None:
            coming.append((part.path, node))
            require(ws, [(part.path, node)], progress=progress)
        tracked = tracking.get(part.payload.path)
        root = root_node(tracked.payload.content) if tracked is not None and tracked.placed else None
        # What lies in the place of a payload that is not placed is unknown to the stat cache, and stays so.
        checkout = Checkout(ws.store, ws.root, ws.cache.edit() if root is None else edit, progress)
        old = checkout.find(root, part.steps)
        known = differences.get(part.payload.path, NOTHING)
        around = narrow(known, os.fsencode(part.path)) if old is not None else what_is_at(ws, part.path)
        plans.append((checkout, checkout.plan(part.path, old, node, around, force=force)))
        changes.setdefault(part.payload.path, {})[part.steps] = node
    changed = [_with(ws, t.payload, changes.get(t.payload.path, {}), progress) for t in tracking.payloads if t.placed]
    refuse_collisions(ws, coming)
    refuse_other_case(ws, (path for path, _ in coming))
    for checkout, plan in plans:
        change_files(ws, checkout, plan)
    links = (link for checkout, _ in plans for link in checkout.links)
    tell_placed_links(ws.root, links, {part.payload.path for part in parts}, progress)
    return as_placed(ws, tracking, (payload for payload in changed if payload is not None))


def _with(ws: Workspace, payload: Payload, changes: dict[Steps, Node | None], progress: Progress) -> Payload | None:
    """The payload with a node at each of these paths in it; None where nothing changes."""
    root = rewrite(ws, root_node(payload.content), changes) if changes else None
    if root is None:
        return None
    require(ws, differing(ws, payload.path, payload.content, root), progress=progress)
    return replace(payload, content=measure(ws, root, payload.content))


def narrow(found: Differences, path: bytes) -> Differences:
    """Return the differences at `path` and below."""

    def below(paths: tuple[bytes, ...]) -> tuple[bytes, ...]:
        return tuple(p for p in paths if p == path or p.startswith(path + b"/"))

    return Differences(below(found.changed), below(found.missing), below(found.added), below(found.folders))
