"""List the versions of each payload over time: who changed it, why, and who used it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.history.commit_data import Claim
from git_datmo.model import Form, Oid
from git_datmo.objects.chunks import WHOLE_LIMIT
from git_datmo.objects.tree_differences import compare
from git_datmo.objects.tree_nodes import Node, NodeKind
from git_datmo.report.data_changes import file_size
from git_datmo.report.lineage import ExperimentPayloads, Lineage, PayloadRef
from git_datmo.repository.workspace import Workspace

# The most differences between two versions that are counted.
COUNTED = 50_000


@dataclass(frozen=True, slots=True)
class VersionChange:
    """Differences of a version from the one before; None for what cannot be told from here."""

    added: int | None
    removed: int | None
    changed: int | None
    new_bytes: int | None


@dataclass(frozen=True, slots=True)
class PayloadVersion:
    """Content of a payload, first seen in the experiment with this `index` in the list."""

    payload: PayloadRef
    index: int
    change: VersionChange
    used_by: tuple[str, ...]


def list_versions(
    ws: Workspace, claims: Sequence[Claim], lineage: Lineage
) -> dict[str, tuple[PayloadVersion, ...]]:
    """Return the versions of each payload by its path, oldest first."""
    first: dict[str, dict[str, tuple[PayloadRef, int]]] = {}
    order = sorted(range(len(claims)), key=lambda index: claims[index].row.order)
    for index in order:
        found = lineage.experiments.get(claims[index].row.record)
        for payload in found.all() if found is not None else ():
            # The first experiment with a content is the one that made the version.
            first.setdefault(payload.path, {}).setdefault(payload.oid, (payload, index))
    return {
        path: tuple(_versions(ws, path, list(versions.values()), lineage))
        for path, versions in sorted(first.items())
    }


def _versions(
    ws: Workspace, path: str, found: Sequence[tuple[PayloadRef, int]], lineage: Lineage
) -> Iterable[PayloadVersion]:
    """Yield the versions of a payload."""
    before: PayloadRef | None = None
    for payload, index in found:
        users = tuple(
            user
            for user in lineage.users.get(payload.oid, ())
            if _uses(lineage.experiments, user, path, payload.oid)
        )
        yield PayloadVersion(payload, index, _count_changes(ws, before, payload), users)
        before = payload


def _uses(experiments: Mapping[str, ExperimentPayloads], user: str, path: str, oid: str) -> bool:
    """Return True if an experiment had the content at this path before its run."""
    return any(each.path == path and each.oid == oid for each in experiments[user].inputs)


def _count_changes(ws: Workspace, old: PayloadRef | None, new: PayloadRef) -> VersionChange:
    """Return the differences of two versions; unknown where their trees are not here."""
    added = removed = changed = size = 0
    before = node_of(old) if old is not None else None
    try:
        for number, each in enumerate(compare(before, node_of(new), ws.store.read_tree)):
            if number > COUNTED:
                return VersionChange(None, None, None, None)
            was, now = _file(each.old), _file(each.new)
            if was is None and now is None:
                continue
            added += was is None
            removed += now is None
            changed += was is not None and now is not None
            size += (file_size(ws, now) or 0) if now is not None else 0
    except DatmoError:
        return VersionChange(None, None, None, None)
    return VersionChange(added, removed, changed, size)


def _file(node: Node | None) -> Node | None:
    return node if node is not None and node.kind is not NodeKind.FOLDER else None


def node_of(payload: PayloadRef) -> Node:
    """Return the node of a payload's content."""
    oid = Oid.parse(payload.oid)
    if payload.form == Form.FOLDER:
        return Node(NodeKind.FOLDER, oid)
    return Node(NodeKind[Form(payload.form).name], oid, chunked=payload.size > WHOLE_LIMIT)
