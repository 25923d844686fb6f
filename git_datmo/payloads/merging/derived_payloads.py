"""Make payload content from objects instead of files: edited or merged, with size and file
count."""

from __future__ import annotations

import os
from collections.abc import Mapping

from git_datmo.model import Content, Form
from git_datmo.objects.folder_editor import FolderEditor, TreeChange
from git_datmo.objects.tree_differences import compare
from git_datmo.objects.tree_nodes import Node, NodeKind, root_node
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.path_capture import node_size

Steps = tuple[bytes, ...]


def rewrite(ws: Workspace, root: Node | None, changes: Mapping[Steps, Node | None]) -> Node | None:
    """Return the folder `root` with each path of `changes` replaced, or removed (None); None if
    empty."""
    # An empty path stands for the payload itself.
    if () in changes:
        return changes[()]
    change = TreeChange()
    for steps, node in changes.items():
        change.at(steps).node, change.at(steps).removed = node, node is None
    with ws.store.writer() as writer:
        editor = FolderEditor(ws.store.read_tree, writer.put_tree, ws.store.format)
        base = root.oid if root is not None and root.kind is NodeKind.FOLDER else None
        oid, empty = editor.edit(base, change.below)
    return None if empty and root is None else Node(NodeKind.FOLDER, oid)


def differing(ws: Workspace, path: str, known: Content, root: Node) -> list[tuple[str, Node]]:
    """Return the files by which a payload differs from the `known` one; `measure` needs them."""
    top = os.fsencode(path)
    return [
        (os.fsdecode(b"/".join((top, *difference.path))), node)
        for difference in compare(root_node(known), root, ws.store.read_tree)
        for node in (difference.old, difference.new)
        if node is not None and node.kind is not NodeKind.FOLDER
    ]


def measure(ws: Workspace, root: Node, known: Content) -> Content:
    """Return the content of a payload, computed from a `known` one and the files that differ."""
    if root == root_node(known):
        return known
    # The count starts from a known payload, so only trees that differ are read.
    size, files = known.size, known.files
    for difference in compare(root_node(known), root, ws.store.read_tree):
        for node, sign in ((difference.old, -1), (difference.new, 1)):
            if node is not None and node.kind is not NodeKind.FOLDER:
                size += sign * node_size(ws.store, node)
                files += sign
    return Content(
        root.oid,
        Form.FOLDER if root.kind is NodeKind.FOLDER else Form(root.kind.value),
        size,
        files,
    )
