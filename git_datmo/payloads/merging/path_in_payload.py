"""Take single files and folders from payloads of a snapshot."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from git_datmo.errors import DatmoError
from git_datmo.model import Payload
from git_datmo.objects.stored_folders import find_path
from git_datmo.objects.tree_nodes import Node, root_node
from git_datmo.payloads.link_remarks import tell_placed_links
from git_datmo.payloads.merging.derived_payloads import Steps, differing, measure, rewrite
from git_datmo.payloads.merging.merge_state import read_pending
from git_datmo.payloads.merging.placement import NOTHING, as_placed, change_files, what_is_at
from git_datmo.payloads.name_collisions import refuse_collisions, refuse_other_case
from git_datmo.payloads.payload_changes import find_differences
from git_datmo.payloads.record_claims import ClaimedContent, refuse_false_claims
from git_datmo.progress import Progress
from git_datmo.remotes.required_objects import require
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.checkout_plan import Placement
from git_datmo.worktree.stat_cache import Differences
from git_datmo.worktree.stat_cache_edit import CacheEdit
from git_datmo.worktree.tracking import Tracked, Tracking
from git_datmo.worktree.worktree_checkout import Checkout


@dataclass(frozen=True, slots=True)
class PathInPayload:
    """A path in a payload of the snapshot that it is taken from."""

    payload: Payload
    path: str

    @property
    def steps(self) -> Steps:
        return tuple(os.fsencode(self.path[len(self.payload.path) + 1 :]).split(b"/"))


def split(
    payloads: Sequence[Payload], only: Sequence[str]
) -> tuple[tuple[Payload, ...], tuple[PathInPayload, ...]]:
    """Divide the paths `only` into whole payloads and paths within others."""
    whole: list[Payload] = []
    parts: list[PathInPayload] = []
    for path in only:
        inside = [p for p in payloads if not path or (p.path + "/").startswith(path + "/")]
        holder = next((p for p in payloads if path.startswith(p.path + "/")), None)
        if not inside and holder is None:
            raise DatmoError(
                f"the snapshot has no payload at '{path}'", "'git datmo show' lists its payloads"
            )
        whole += inside
        if holder is not None:
            parts.append(PathInPayload(holder, path))
    # Two of the paths may name the same payload.
    return tuple(dict.fromkeys(whole)), tuple(parts)


def place_parts(
    ws: Workspace,
    tracking: Tracking,
    parts: Sequence[PathInPayload],
    edit: CacheEdit,
    *,
    force: bool,
    progress: Progress,
) -> list[Tracked]:
    """Place files and folders from payloads without fetching the rest; return the changed payloads.

    A process that dies leaves files that look modified, as if a person had copied them.
    """
    pending = read_pending(ws)
    undecided = pending.paths if pending is not None else ()
    differences = find_differences(ws, tracking, taken=True) if parts else {}
    plans: list[tuple[Checkout, Placement]] = []
    changes: dict[str, dict[Steps, Node | None]] = {}
    coming: list[tuple[str, Node]] = []
    for part in parts:
        node = _obtain_or_refuse(ws, part, undecided, progress)
        if node is not None:
            coming.append((part.path, node))
        root = _placed_root(tracking.get(part.payload.path))
        # The stat cache does not know files at the path of a payload that is not placed.
        checkout = Checkout(ws.store, ws.root, ws.cache.edit() if root is None else edit, progress)
        old = find_path(root, part.steps, ws.store.read_tree)
        known = differences.get(part.payload.path, NOTHING)
        if old is not None:
            around = narrow(known, os.fsencode(part.path))
        else:
            around = what_is_at(ws, part.path)
        plans.append((checkout, checkout.plan(part.path, old, node, around, force=force)))
        changes.setdefault(part.payload.path, {})[part.steps] = node
    changed = [
        _with(ws, t.payload, changes.get(t.payload.path, {}), progress)
        for t in tracking.payloads
        if t.placed
    ]
    # Every refusal comes before the first file is written.
    refuse_collisions(ws, coming)
    refuse_other_case(ws, (path for path, _ in coming))
    for checkout, plan in plans:
        change_files(ws.root, checkout, plan)
    links = (link for checkout, _ in plans for link in checkout.links)
    tell_placed_links(ws.root, links, {part.payload.path for part in parts}, progress)
    return as_placed(ws, tracking, (payload for payload in changed if payload is not None))


def _obtain_or_refuse(
    ws: Workspace, part: PathInPayload, undecided: Collection[str], progress: Progress
) -> Node | None:
    """Fetch the objects of a part and return its node; None for a part to remove.

    A path that a merge left undecided may be removed, because one side deleted it. Raises
    `DatmoError` for any other path that its payload does not have.
    """
    node = _obtain(ws, part, progress)
    if node is None and part.path not in undecided:
        raise DatmoError(f"the payload '{part.payload.path}' has no '{part.path}' in that snapshot")
    return node


def _placed_root(tracked: Tracked | None) -> Node | None:
    """Return the root of a payload in the working tree; None if it is not placed."""
    if tracked is None or not tracked.placed:
        return None
    return root_node(tracked.payload.content)


def _obtain(ws: Workspace, part: PathInPayload, progress: Progress) -> Node | None:
    """Return the node of a path, with all its objects fetched; None if it is not in the payload."""
    from git_datmo.remotes.fetch_objects import obtain_way

    content = part.payload.content
    node = obtain_way(ws, content, part.steps, progress=progress)
    if node is not None:
        require(ws, [(part.path, node)], progress=progress)
        # The claim of the whole payload limits its part: the record says nothing about single
        # files.
        refuse_false_claims(ws, [ClaimedContent(part.path, node, content.files, content.size)])
    return node


def _with(
    ws: Workspace, payload: Payload, changes: dict[Steps, Node | None], progress: Progress
) -> Payload | None:
    """Return a payload with nodes at these paths; None if nothing changes."""
    root = rewrite(ws, root_node(payload.content), changes) if changes else None
    if root is None:
        return None
    require(ws, differing(ws, payload.path, payload.content, root), progress=progress)
    return replace(payload, content=measure(ws, root, payload.content))


def narrow(found: Differences, path: bytes) -> Differences:
    """Return the differences at `path` and below."""

    def below(paths: tuple[bytes, ...]) -> tuple[bytes, ...]:
        return tuple(p for p in paths if p == path or p.startswith(path + b"/"))

    return Differences(
        below(found.changed), below(found.missing), below(found.added), below(found.folders)
    )
