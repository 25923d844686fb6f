"""Payloads whose content is made from objects, not from files: edited or merged, with size and number of files."""

from __future__ import annotations

import os
from collections.abc import Mapping

from git_datmo.flows.workspace import Workspace
from git_datmo.model import Content, Form
from git_datmo.store.capture import node_size
from git_datmo.store.layout import Change, FolderEditor, Kind, Node, compare, root_node

Steps = tuple[bytes, ...]


def rewrite(ws: Workspace, root: Node | None, changes: Mapping[Steps, Node | None]) -> Node | None:
    """The folder `root` with a node at each path below it, or (None) nothing there; None when nothing is left."""
    if () in changes:
        return changes[()]
    change = Change()
    for steps, node in changes.items():
        change.at(steps).node, change.at(steps).removed = node, node is None
    with ws.store.writer() as writer:
        editor = FolderEditor(ws.store.read_tree, writer.put_tree, ws.store.format)
        base = root.oid if root is not None and root.kind is Kind.FOLDER else None
        oid, empty = editor.edit(base, change.below)
    return None if empty and root is None else Node(Kind.FOLDER, oid)


def differing(ws: Workspace, path: str, known: Content, root: Node) -> list[tuple[str, Node]]:
    """The files, on either side, by which the payload at `path` differs from the `known` one: `measure` needs them."""
    top = os.fsencode(path)
    return [
        (os.fsdecode(b"/".join((top, *difference.path))), node)
        for difference in compare(root_node(known), root, ws.store.read_tree)
        for node in (difference.old, difference.new)
        if node is not None and node.kind is not Kind.FOLDER
    ]


def measure(ws: Workspace, root: Node, known: Content) -> Content:
    """The content of a payload, from one that is `known` and what differs; all files that differ are in the store."""
    if root == root_node(known):
        return known
    size, files = known.size, known.files
    for difference in compare(root_node(known), root, ws.store.read_tree):
        for node, sign in ((difference.old, -1), (difference.new, 1)):
            if node is not None and node.kind is not Kind.FOLDER:
                size += sign * node_size(ws.store, node)
                files += sign
    return Content(root.oid, Form.FOLDER if root.kind is Kind.FOLDER else Form(root.kind.value), size, files)
