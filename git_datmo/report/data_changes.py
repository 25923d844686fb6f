"""Compare the payloads of two experiments file by file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from git_datmo.errors import Incomplete
from git_datmo.history.experiments import Found
from git_datmo.model import Payload
from git_datmo.objects.stored_folders import read_folder
from git_datmo.objects.tree_differences import TreeDifference, compare
from git_datmo.objects.tree_nodes import Node, NodeKind, root_node
from git_datmo.report.stored_files import read_blobs
from git_datmo.report.table_shapes import TableShape, is_table, read_shape
from git_datmo.repository.workspace import Workspace

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm")
# The most files of a payload whose images are counted.
COUNTED = 200_000


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file that differs: `added`, `removed` or `changed`.

    A size is None for an absent file, and for one whose content is missing. `shapes` are those of
    a table on both sides.
    """

    path: str
    change: str
    sizes: tuple[int | None, int | None]
    shapes: tuple[TableShape | None, TableShape | None] = (None, None)


@dataclass(frozen=True, slots=True)
class DataChange:
    """A payload that differs; one side is None if only the other experiment has it.

    `files` is None if the payload's trees are missing. `images` counts images on both sides, or is
    None if there are none, or too many files.
    """

    path: str
    before: Payload | None
    after: Payload | None
    files: tuple[DataFile, ...] | None
    images: tuple[int, int] | None


def compare_data(
    ws: Workspace, one: Found, other: Found, paths: Sequence[str] = ()
) -> tuple[DataChange, ...]:
    """Return the payloads that differ between two experiments, limited to `paths` if any."""
    before = {payload.path: payload for payload in one.snapshot.payloads}
    after = {payload.path: payload for payload in other.snapshot.payloads}
    changes = []
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if (old and old.content) == (new and new.content):
            continue
        if not paths or any(_overlap(path, asked) for asked in paths):
            change = _compare_payload(ws, path, old, new, paths)
            # A payload that contains an asked path may differ elsewhere alone.
            if change.files is None or change.files or not paths:
                changes.append(change)
    return tuple(changes)


def _overlap(payload: str, asked: str) -> bool:
    return (
        asked in ("", ".", payload)
        or asked.startswith(f"{payload}/")
        or payload.startswith(f"{asked}/")
    )


def _compare_payload(
    ws: Workspace, path: str, old: Payload | None, new: Payload | None, paths: Sequence[str]
) -> DataChange:
    nodes = [root_node(payload.content) if payload is not None else None for payload in (old, new)]
    try:
        found = [
            _describe(ws, path, difference)
            for difference in compare(nodes[0], nodes[1], ws.store.read_tree)
            if _is_file(difference)
        ]
        images = _count_images(ws, old), _count_images(ws, new)
    except Incomplete:
        return DataChange(path, old, new, None, None)
    if paths:
        found = [
            file
            for file in found
            if any(
                asked in ("", ".", file.path) or file.path.startswith(f"{asked}/")
                for asked in paths
            )
        ]
    counted = (images[0] or 0, images[1] or 0) if None not in images and any(images) else None
    files = tuple(sorted(found, key=lambda file: file.path))
    return DataChange(path, old, new, files, counted)


def _is_file(difference: TreeDifference) -> bool:
    """Return True unless both sides are folders or absent."""
    return any(
        node is not None and node.kind is not NodeKind.FOLDER
        for node in (difference.old, difference.new)
    )


def _describe(ws: Workspace, payload: str, difference: TreeDifference) -> DataFile:
    """Return a file that differs, with its sizes, and its shapes if it is a table."""
    path = os.fsdecode(b"/".join((os.fsencode(payload), *difference.path)))
    files = [
        node if node is not None and node.kind is not NodeKind.FOLDER else None
        for node in (difference.old, difference.new)
    ]
    change = ADDED if files[0] is None else REMOVED if files[1] is None else CHANGED
    sizes = (file_size(ws, files[0]), file_size(ws, files[1]))
    shapes = (_shape(ws, path, files[0]), _shape(ws, path, files[1]))
    return DataFile(path, change, sizes, shapes)


def file_size(ws: Workspace, node: Node | None) -> int | None:
    """Return the size of a file; None if it is absent or missing from the store."""
    if node is None:
        return None
    from git_datmo.objects.chunk_trees import read_chunks

    # Trees have no sizes of files, so those of the blobs are added.
    blobs = read_chunks(node.oid, ws.store.read_tree) if node.chunked else iter([node.oid])
    try:
        return sum(ws.store.size(blob) for blob in blobs)
    except Incomplete:
        return None


def _shape(ws: Workspace, path: str, node: Node | None) -> TableShape | None:
    """Return the shape of a table; None for another file, and for a missing one."""
    if node is None or node.kind is NodeKind.LINK or not is_table(path):
        return None
    try:
        return read_shape(path, read_blobs(ws, node))
    except Incomplete:
        return None


def _count_images(ws: Workspace, payload: Payload | None) -> int | None:
    """Return the number of images of a payload; None for one with too many files."""
    if payload is None:
        return 0
    if payload.content.files > COUNTED:
        return None
    names = _names(ws, os.fsencode(payload.path), root_node(payload.content))
    return sum(name.lower().endswith(tuple(map(str.encode, IMAGES))) for name in names)


def _names(ws: Workspace, name: bytes, node: Node) -> Iterator[bytes]:
    """Yield the names of the files below a node."""
    if node.kind is not NodeKind.FOLDER:
        yield name
        return
    for inner, below in read_folder(node.oid, ws.store.read_tree):
        yield from _names(ws, inner, below)
